"""The Faust app of this project; `sojourn worker` and `faust -A agents.app worker` run it."""

import os

from sojourn.bootstrap.clock import wall_clock
from sojourn.bootstrap.frame import Frame
from sojourn.bootstrap.logs import log_to_stderr, quiet_clients
from sojourn.bootstrap.production import Production
from sojourn.bootstrap.settings import read_settings
from sojourn.web.worker import public

log_to_stderr()
quiet_clients()
app = Frame(Production(read_settings(os.environ), wall_clock), public)

from agents import control, intake  # noqa: E402, F401 - agents name the app that they belong to
