"""The network benchmark of ../python, on uvloop."""
import pathlib
import runpy

import uvloop

uvloop.install()
runpy.run_path(str(pathlib.Path(__file__).parents[1] / "python" / "net.py"), run_name="__main__")
