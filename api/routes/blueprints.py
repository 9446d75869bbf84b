"""What the blueprints of the API have in common: the prefix of their addresses, their tags, and how calls are named.

A call's name in the API's description (`operationId`) is its blueprint's and its function's, as in `jobs_submit`.
Generated clients name their functions after it.
"""

from flask_openapi3 import APIBlueprint, Tag

PREFIX = "/api/writing"
DECKS = Tag(name="decks", description="lists of words")
JOBS = Tag(name="jobs", description="turn words into pictures")
HEALTH = Tag(name="health", description="for probes and operators")
STATUS = Tag(name="status", description="what the service offers")


def make_blueprint(name: str, import_name: str, tag: Tag, prefix: str = PREFIX) -> APIBlueprint:
    """Return a blueprint without calls.

    Args:
        name: its name, from which those of its calls begin.
        import_name: of its module.
        tag: groups its calls.
        prefix: with which the addresses of its calls begin.
    """
    return APIBlueprint(name, import_name, url_prefix=prefix, abp_tags=[tag], operation_id_callback=_operation_id)


def _operation_id(*, bp_name: str, name: str, **_address: str) -> str:
    return f"{bp_name}_{name}"
