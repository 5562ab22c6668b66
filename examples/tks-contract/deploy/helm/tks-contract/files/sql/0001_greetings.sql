-- The table in which the service counts its greetings.
--
-- The files in this folder are applied in the order of their names, and may be
-- applied again: every statement has to bear that. A file that has been released
-- is not edited; a change to the schema comes as a new file with the next number.

CREATE TABLE IF NOT EXISTS greetings (
    greeting text NOT NULL,
    name text NOT NULL,
    count bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (greeting, name)
);

-- ListGreetings reads the newest rows first.
CREATE INDEX IF NOT EXISTS greetings_updated_at_idx ON greetings (updated_at DESC);
