"""Which signals stop a run, in tap and target alike."""

from __future__ import annotations

import signal


def stopping_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that stop a run.

    A terminal that is closed, or an ssh connection that is cut, sends SIGHUP. With
    `nohup` a run goes on then: whoever starts the process has told it to ignore that.
    """
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    return tuple(signals)
