"""What the artist sees in the Sequencer's sidebar. Panels draw; they decide and fetch nothing."""
