"""Models are loaded one at a time."""

import threading

# While transformers or diffusers load a model, they change torch and their own classes for the whole process: they turn
# off initialisation and the tying of weights, and change the default dtype. A model that another thread loads meanwhile
# can fail, or get weights from memory that nobody has written (transformers pull request 44940, diffusers issue 4296).
LOAD_LOCK = threading.Lock()
