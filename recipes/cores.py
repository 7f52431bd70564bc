# SPDX-License-Identifier: MIT
# One function over many jobs, a process a core. Not multiprocessing.Pool: it ends its workers by SIGTERM, and one that
# ends while it holds their queue leaves the others, and the script, waiting for ever.
"""Usage: for result in cores.each(function, jobs, 8): ..."""

import concurrent.futures
import os
import signal


def begin():
    """A worker leaves Ctrl-C to the script, and what the script does at SIGTERM is not for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def each(function, jobs, chunk=1):
    """Yields function(job) in the order of jobs, which go to a worker `chunk` at a time. A worker that dies is an error."""
    with concurrent.futures.ProcessPoolExecutor(len(os.sched_getaffinity(0)), initializer=begin) as pool:
        yield from pool.map(function, jobs, chunksize=chunk)
