# SPDX-License-Identifier: MIT
# The screen in a real pseudo-terminal, for tests: keys go in, what is drawn comes out. Not a test.

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

PATIENCE = 300  # seconds before the screen counts as stuck: sanitizers, and other work, make all slow


class Screen:
    """`retort attach FOLDER` in a terminal of its own; what is typed is kept in FOLDER/state. words: another
    command, whose errors come on the terminal too; its files lie in the folder."""

    def __init__(self, program, folder, term="xterm-256color", size=(24, 80), words=None, **environ):
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        environment = dict(os.environ, TERM=term, LC_ALL="C.UTF-8", XDG_STATE_HOME=os.path.join(folder, "state"), **environ)
        environment.pop("NO_COLOR", None)
        if "RETORT_THEME" not in environ:
            environment["RETORT_THEME"] = "dark"  # this terminal does not answer what its ground is
        # curses keeps memory to the end; leaks of our own are looked for in test_screens.
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        self.process = subprocess.Popen([program, *(("attach", folder) if words is None else words)],
                                        cwd=None if words is None else folder,
                                        stdin=self.slave, stdout=self.slave, env=environment,
                                        stderr=subprocess.PIPE if words is None else self.slave,
                                        start_new_session=True)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.seen += os.read(self.master, 65536)

    def wait(self, text):
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.seen:
            ended = self.process.poll() not in (None, 0)
            self.read(0.1)  # what came before the end, too
            if text.encode() not in self.seen and (time.monotonic() > end or ended):
                raise AssertionError("%r did not come: %r" % (text, self.seen[-2000:]))
        self.seen = self.seen.split(text.encode(), 1)[1]

    def type(self, text):
        os.write(self.master, text.encode())

    def close(self):
        """The window is closed: what is in it is hung up."""
        os.close(self.slave)
        os.close(self.master)
        return self.process.wait(PATIENCE)

    def end(self):
        """Exit code, and whether the terminal is as it was."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            self.read(0.05)
            if time.monotonic() > end:
                self.process.kill()
                raise AssertionError("did not end")
        while select.select([self.master], [], [], 0.05)[0]:
            self.read(0)
        errors = ""
        if self.process.stderr:
            errors = self.process.stderr.read().decode()
            self.process.stderr.close()
        after = termios.tcgetattr(self.slave)
        os.close(self.master)
        os.close(self.slave)
        return self.process.returncode, after == self.before, errors
