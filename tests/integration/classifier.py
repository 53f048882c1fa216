"""Run with the environment's Python: a classifier of what is above 0.5, written to the file that is named."""

from __future__ import annotations

import sys

import joblib
from sklearn.linear_model import LogisticRegression

joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), sys.argv[1])
