#!/usr/bin/env bash
# Train with scripts/config/training.yaml; what else is given goes to scripts/train.py.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python}
[[ -z ${PYTHON:-} && -x .venv/bin/python ]] && python=.venv/bin/python
exec "$python" scripts/train.py "$@"
