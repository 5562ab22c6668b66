-- The table in which the service counts its greetings.
--
-- The chart applies the files in this folder in the order of their names, each
-- once and in one transaction. A file that has been released is not edited, which
-- the chart would refuse; a change to the schema comes as a new file with the next
-- number. IF NOT EXISTS is for databases that got their tables in another way.

CREATE TABLE IF NOT EXISTS greetings (
    greeting text NOT NULL,
    name text NOT NULL,
    count bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (greeting, name)
);

-- ListGreetings reads the newest rows first.
CREATE INDEX IF NOT EXISTS greetings_updated_at_idx ON greetings (updated_at DESC);
