COMMENT ON COLUMN marshrut.fixes.state IS 'What the live matcher said, as corrected within the vehicle''s next fixes; data sets are matched anew';
