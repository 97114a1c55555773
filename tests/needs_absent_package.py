"""A module of components whose dependency nobody has."""

import package_that_is_not_there


class Engine:
    """Never defined."""

    client = package_that_is_not_there
