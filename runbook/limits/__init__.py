"""What a namespace may use: the rules of ResourceQuota and LimitRange. Pure.

The practice cluster enforces them, and a check foresees them; what both say is held to the real API server.
"""
