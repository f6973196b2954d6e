"""Settings, the ledger and the local stack: all that Jingwei stands on."""
