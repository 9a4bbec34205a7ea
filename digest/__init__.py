"""
Post a weekly CreatorAudit digest to a team's chat.

The package runs as a GitHub Actions composite action; `python -m digest demo`
shows the whole line on one machine, without a key. Data runs one way:

inputs -> config -> client -> models -> context -> render -> deliver -> report
"""

__all__ = ["HOME", "__version__"]

__version__ = "1.0.0"

#: Where the project lives.
HOME = "https://github.com/OWNER/creatoraudit-digest"
