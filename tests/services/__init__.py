"""Tests of the services under command line, API and page."""
