"""What the learner may do: the policies of the identity that the lessons' cells act as."""

ADMINISTRATOR = {"Version": "2012-10-17",
                 "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def policies() -> list[dict]:
    """The policy documents of the IAM user `learner`."""
    return [ADMINISTRATOR]
