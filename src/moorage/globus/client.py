"""placeholder"""


def connect(**_: object) -> object:
    raise NotImplementedError
