"""The application that Celery's own commands find, set up as the service is: ``celery -A shared.celery_command_line``.

Flower and `celery inspect` then use the settings' Redis, with its TLS.
"""

from shared.celery_app import make_celery
from shared.settings import load_settings

app = make_celery(load_settings())
