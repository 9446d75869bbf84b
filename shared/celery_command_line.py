"""The application for Celery's own commands, configured like the service: ``celery -A shared.celery_command_line``.

It makes Flower and `celery inspect` use the settings' Redis, with its TLS.
"""

from shared.celery_app import make_celery
from shared.settings import load_settings

app = make_celery(load_settings())
