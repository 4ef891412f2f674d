//! What a request body or a file holds: framing, envelopes, and other audit formats turned into CADF.
