"""The players of transcripts explain their assertions as tests do."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("transcript")
