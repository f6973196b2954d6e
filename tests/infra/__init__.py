"""Tests of settings, ledger and local stack."""
