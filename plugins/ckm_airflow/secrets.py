"""Secrets that Airflow keeps, looked up where the environment does not hold them."""

from airflow.sdk import Connection, Variable
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from ckm.settings import Vault, look_up_also

PASSWORD = "_PASSWORD"


def find_secret(name: str) -> str | None:
    """What Airflow keeps under the name of an environment variable; the task's log shows stars in its place.

    The variable `CRM_PASSWORD`, else the URI of the connection `crm_password`, else the password of `crm`.
    """
    found = Variable.get(name, default=None) or _of_connection(name.lower(), "uri")
    if found is None and name.endswith(PASSWORD):
        found = _of_connection(name.removesuffix(PASSWORD).lower(), "password")
    if found is not None:
        mask_secret(found)
    return found


def _of_connection(conn_id: str, part: str) -> str | None:
    try:
        connection = Connection.get(conn_id)
    except AirflowNotFoundException:
        return None
    if part == "password":
        return connection.password
    # Airflow's name for PostgreSQL is one that SQLAlchemy has dropped
    return connection.get_uri().replace("postgres://", "postgresql://", 1)


def look_into_airflow() -> None:
    """Let this task find in Airflow's variables and connections what the environment does not hold."""
    look_up_also(Vault("Airflow", find_secret))
