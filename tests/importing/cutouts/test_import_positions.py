"""From a list of positions to a survey, by way of a service that fails here and there."""

from __future__ import annotations

import numpy as np
import pytest
from cutout_server import SKY, send

from radioviz.data.__main__ import main
from radioviz.data.registry import open_data_set
from radioviz.errors import CatalogueError, FetchError
from radioviz.importing import (
    Source,
    import_survey,
    inspect_source,
    list_surveys,
    unfinished_imports,
)


@pytest.fixture
def positions(tmp_path):
    path = tmp_path / "list.csv"
    rows = [f"{ra},{dec},source {i}" for i, (ra, dec, _) in enumerate(SKY[:10])]
    path.write_text("ra,dec,name\n" + "\n".join(rows) + "\n,1,nowhere\n150,-70,south\n")
    return path


def _answers(server, **more):
    return {
        "key": "mine",
        "service": "nvss",
        "base": server.hips2fits,
        "pixels": 24,
        "rate": 1000,
        **more,
    }


def test_the_service_is_asked_for(positions):
    look = inspect_source(Source(positions))
    assert look.kind == "positions"
    assert [q.key for q in look.missing] == ["service"]
    assert "nvss" in look.missing[0].choices
    with pytest.raises(CatalogueError, match="service: The table names no images"):
        import_survey(Source(positions), {"key": "mine"})


def test_positions_become_a_survey(positions, server):
    look = inspect_source(Source(positions), _answers(server))
    assert look.found["service"].startswith("NVSS (hips2fits) at http://127.0.0.1")
    assert look.needed == ()
    result = import_survey(Source(positions), _answers(server))
    catalogue = result.catalogue
    assert (result.read, result.refused) == (10, 2)
    assert catalogue.info.beam == 45
    assert catalogue.info.pixel_scale == 15
    assert catalogue.info.bunit == "Jy/beam"  # hips2fits does not say it, the survey does
    assert "hips2fits" in catalogue.info.reference
    assert catalogue.table["name"].tolist() == [f"source {i}" for i in range(10)]
    assert catalogue.table["survey"].unique().tolist() == ["NVSS"]
    refused = result.report[result.report["status"] == "refused"].set_index("file")["reason"]
    assert refused["row 11"] == "ra is empty or not a number"
    assert "outside NVSS" in refused["row 12: mine-12"]
    for row in range(10):
        sky = catalogue.wcs(row).all_pix2world([[11.5, 11.5]], 0)[0]
        np.testing.assert_allclose(sky, SKY[row][:2], atol=1e-4)


def test_failures_are_listed_and_a_second_run_asks_only_for_them(positions, server):
    def behaviour(asked, handler) -> bool:
        if round(asked.ra) in (152, 155):
            send(handler, b"<html><title>Sorry</title></html>", kind="text/html")
            return True
        return False

    server.behaviour = behaviour
    result = import_survey(Source(positions), _answers(server))
    assert (result.read, result.refused) == (8, 4)
    server.behaviour = None
    server.requests.clear()
    result = import_survey(Source(positions), _answers(server), replace=True)
    assert (result.read, result.refused) == (10, 2)
    assert sorted(round(a.ra) for _, a in server.requests) == [152, 155]


def test_a_network_that_goes_away_can_be_taken_up_again(positions, server):
    def gone(asked, handler) -> bool:
        if asked.ra < 153.5:
            return False
        handler.connection.shutdown(2)
        handler.close_connection = True
        return True

    server.behaviour = gone
    with pytest.raises(FetchError, match="is no longer reachable"):
        import_survey(Source(positions), _answers(server, attempts=1))
    assert not list_surveys()
    assert unfinished_imports()[0].done == 1 + 4  # the row that the table refuses, and four cutouts
    server.behaviour = None
    result = import_survey(Source(positions), _answers(server, attempts=1))
    assert result.read == 10
    assert result.resumed == 5


def test_the_app_goes_on_without_a_network(positions):
    answers = {"key": "mine", "service": "nvss", "base": "http://127.0.0.1:9/"}
    with pytest.raises(FetchError, match="cannot be reached"):
        import_survey(Source(positions), {**answers, "attempts": 1})
    assert not list_surveys()
    assert len(inspect_source(Source(positions), answers).sample) == 11


def test_from_the_command_line(positions, server, capsys, tmp_path):
    assert main(["cutouts"]) == 0
    assert "lotss-server" in capsys.readouterr().out
    options = ["--service", "nvss", "--base", server.hips2fits, "--pixels", "24"]
    report = tmp_path / "report.csv"
    code = main(
        [
            "cutouts",
            str(positions),
            "--key",
            "cli",
            *options,
            "--rate",
            "500",
            "--report",
            str(report),
        ]
    )
    output = capsys.readouterr()
    assert code == 0, output.err
    assert "cli: 10 read, 2 refused" in output.out
    assert "row 12: cli-12" in report.read_text()
    assert len(open_data_set("cli")) == 10
    assert main(["cutouts", str(positions), "--service", "sdss"]) == 1
    assert "service is 'sdss'; expected one of first" in capsys.readouterr().err
