"""The benchmark: drugtext beside what people use today, on drugs that nobody was taught."""

from drugtext.errors import DrugTextError

try:
    import matplotlib as _matplotlib  # noqa: F401
    import psutil as _psutil  # noqa: F401
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise DrugTextError(
        f"the benchmark needs {error.name}, which is not installed;"
        " run: pip install 'drugtext[bench]'"
    ) from error
