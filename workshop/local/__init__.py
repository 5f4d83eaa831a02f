"""The local cloud from the inside: which services exist, who may ask, and how that is checked.

    services    the services that the lessons use, and no other
    identities  who is known: the learner, each function's role, the registry's passwords
    signatures  AWS's Signature Version 4, verified
    models      what each call's parameters must be, by AWS's own service models
    gate        the ASGI layer that every request passes first
"""
