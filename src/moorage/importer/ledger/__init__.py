"""The ledger of an import, on which every step stands: its job, its runs, its entries."""
