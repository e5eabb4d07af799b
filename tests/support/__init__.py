"""Parts that several test files share: servers, faults, virtual time, other projects' servers."""

import os

THOROUGH = os.environ.get("AIOLAMBDA_THOROUGH") == "1"
"""Whether random tests and long sequences run at their full length. The checks set it; a developer's run is shorter."""
