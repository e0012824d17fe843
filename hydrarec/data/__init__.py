"""Raw files to Parquet: download, read, filter, split. Knows nothing of models and never imports torch."""
