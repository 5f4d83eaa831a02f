"""A folder that holds all that a room needs, so that laptops are set up without a network.

    python3 -m workshop pack FOLDER         makes it, for a stick or a web server in the room
    python3 -m workshop lab --from FOLDER   sets a laptop up from it

    contents    what is in the folder: pack.json, platforms, and which of them this machine is
    checksums   SHA256SUMS: what is written down, and what is compared
    wheels      Python packages for other platforms and Pythons, and for image builds
    images      base images as archives of `docker save`
    make        `pack`
    use         `--from`

Standard library only, except for what makes the folder.
"""
