"""File download: single files of the table of sources, into a data set or the cache."""

from collections import Counter

from ..dataset.licences import ATTRIBUTION
from ..dataset.sources import Source, fetch, source
from ..errors import WRONG_CONTENT, RunInterrupted, SourceError, TransferFailure
from ..runs.progress import ByteProgress
from ..storage.writing import output_error
from .data_set import DataSet, DownloadReport
from .metadata import FACTS, METADATA, write_tables
from .transfer import partial_path
from .verification import Expected
from .wanted_files import WantedFile

WEIGHTS = ("bisenet",)


def download_file(data: DataSet, name: str) -> DownloadReport:
    """Download one file of the table of sources: ``ffhq-metadata`` or ``aging-labels``.

    `attribution.csv` and `image_facts.csv` are made from the metadata.

    Raises
    ------
    SourceError
        The table of sources lacks the file, or the metadata is not in FFHQ's form.
    OutputError
        A file cannot be written.
    RunInterrupted
        Ctrl-C was pressed; the part of the file that has arrived is kept.
    """
    published = source(name)
    if data.is_done(published.file):
        report = DownloadReport(data.path, name, 1, 0, 1, {})
        tables = [data.path / table for table in (ATTRIBUTION, FACTS)]
        if published.file == METADATA and not all(table.exists() for table in tables):
            write_tables(data.path)
    else:
        if not (published.sha256 or published.md5 or published.size):
            # Without a hash or size, a part from an earlier run could belong to another version.
            partial_path(data.path / published.file).unlink(missing_ok=True)
        report = download_source(data, name, published)
        if published.file == METADATA and not report.failed:
            _write_new_tables(data, name)
    return report


def _write_new_tables(data: DataSet, name: str) -> None:
    """Write the tables of new metadata, and delete metadata of which they cannot be made."""
    try:
        write_tables(data.path)
    except SourceError:
        (data.path / METADATA).unlink()
        data.ledger.record_failed(METADATA, name, WRONG_CONTENT)
        raise


def download_source(data: DataSet, kind: str, published: Source) -> DownloadReport:
    """Download one large file of the table of sources, with a progress bar of its bytes."""
    expected = Expected(
        size=published.size,
        sha256=published.sha256,
        md5=published.md5,
        has_checksums=published.file.endswith(".zip"),
    )
    with ByteProgress(published.size, f"download {published.file}") as progress:
        data.transfers.received = progress.received
        data.transfers.resume()
        try:
            fetched = data.ensure(WantedFile(published.file, kind, expected, published.url))
        except TransferFailure as failure:
            message = str(failure)
            if failure.cause == "connection":
                message += (
                    f". To bring it by hand, put {published.file} into {data.path} and run again"
                )
            return DownloadReport(data.path, kind, 1, 0, 0, {failure.cause: 1}, message)
        except KeyboardInterrupt as error:
            data.transfers.stop()
            raise RunInterrupted(
                f"{kind}: the part of {published.file} that has arrived is kept"
            ) from error
    unverified = int(fetched and not expected.is_verifiable)
    return DownloadReport(
        data.path, kind, 1, int(fetched), int(not fetched), {}, unverified=unverified
    )


def download_weights(data: DataSet) -> DownloadReport:
    """Download the networks' weights into the cache, from which the networks load them."""
    fetched, causes, first_failure = 0, Counter[str](), ""
    for name in WEIGHTS:
        try:
            fetched += _download_to_cache(data, source(name))
        except (TransferFailure, SourceError) as failure:
            causes[failure.cause if isinstance(failure, TransferFailure) else "source"] += 1
            message = str(failure)
            if isinstance(failure, TransferFailure) and failure.cause == "connection":
                cached = source(name).cached
                message += f". To bring it by hand, put {cached.name} into {cached.parent}"
            first_failure = first_failure or message
    kept = len(WEIGHTS) - fetched - causes.total()
    return DownloadReport(
        data.path, "weights", len(WEIGHTS), fetched, kept, dict(causes), first_failure
    )


def _download_to_cache(data: DataSet, published: Source) -> bool:
    """Download one file of weights into the cache; return False if it was already present."""
    is_cached = published.cached.is_file()
    expected = Expected(size=published.size, sha256=published.sha256)
    try:
        if not is_cached:
            published.cached.parent.mkdir(parents=True, exist_ok=True)
            data.transfers.resume()
            data.transfers.fetch(published.url, published.cached, expected)
        fetch(published)  # verifies the file
    except OSError as error:
        raise output_error(published.cached, error) from error
    return not is_cached
