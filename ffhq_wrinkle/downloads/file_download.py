"""File download: single files of the table of sources, into a data set or the cache."""

from collections import Counter

from ..dataset.sources import Source, fetch, source
from ..errors import WRONG_CONTENT, RunInterrupted, SourceError, TransferFailure
from ..runs.progress import ByteProgress
from ..storage.writing import output_error
from .data_set import DataSet, DownloadReport
from .metadata import ATTRIBUTION, FACTS, METADATA, write_tables
from .transfer import partial_path
from .verification import Expected
from .wanted import Wanted

WEIGHTS = ("bisenet", "yunet")


def download_file(data: DataSet, name: str) -> DownloadReport:
    """Bring one file of the table of sources: ``ffhq-metadata`` or ``aging-labels``.

    With the metadata come `attribution.csv` and `image_facts.csv`, made from it.
    """
    published = source(name)
    if data.is_done(published.file):
        report = DownloadReport(name, 1, 0, 1, {})
        tables = [data.path / table for table in (ATTRIBUTION, FACTS)]
        if published.file == METADATA and not all(table.exists() for table in tables):
            write_tables(data.path)
    else:
        if not (published.sha256 or published.md5 or published.size):
            partial_path(data.path / published.file).unlink(missing_ok=True)  # of another day
        report = bring_one(data, name, published)
        if published.file == METADATA and not report.failed:
            _make_tables(data, name)
    return report


def _make_tables(data: DataSet, name: str) -> None:
    """Make the tables of fresh metadata; what they can not be made from is not kept."""
    try:
        write_tables(data.path)
    except SourceError:
        (data.path / METADATA).unlink()
        data.ledger.failed(METADATA, name, WRONG_CONTENT)
        raise


def bring_one(data: DataSet, what: str, published: Source) -> DownloadReport:
    """Bring one large file, with a bar of its bytes."""
    expected = Expected(size=published.size, sha256=published.sha256, md5=published.md5)
    with ByteProgress(published.size, f"download {published.file}") as shown:
        data.transfers.received = shown.received
        data.transfers.resume()
        try:
            fetched = data.bring(Wanted(published.file, what, expected, published.url))
        except TransferFailure as failure:
            return DownloadReport(what, 1, 0, 0, {failure.cause: 1}, str(failure))
        except KeyboardInterrupt as error:
            data.transfers.stop()
            raise RunInterrupted(f"{what}: what arrived of {published.file} is kept") from error
    return DownloadReport(what, 1, int(fetched), int(not fetched), {})


def download_weights(data: DataSet) -> DownloadReport:
    """Bring the networks' weights into the cache, where those who need them look for them."""
    fetched, causes, first = 0, Counter[str](), ""
    for name in WEIGHTS:
        try:
            fetched += _bring_weights(data, source(name))
        except (TransferFailure, SourceError) as failure:
            causes[failure.cause if isinstance(failure, TransferFailure) else "source"] += 1
            first = first or str(failure)
    kept = len(WEIGHTS) - fetched - causes.total()
    return DownloadReport("weights", len(WEIGHTS), fetched, kept, dict(causes), first)


def _bring_weights(data: DataSet, published: Source) -> bool:
    """Bring one file of weights into the cache; False if it was there."""
    there = published.cached.is_file()
    expected = Expected(size=published.size, sha256=published.sha256)
    try:
        if not there:
            published.cached.parent.mkdir(parents=True, exist_ok=True)
            data.transfers.resume()
            data.transfers.fetch(published.url, published.cached, expected)
        fetch(published)  # which verifies it
    except OSError as error:
        raise output_error(published.cached, error) from error
    return not there
