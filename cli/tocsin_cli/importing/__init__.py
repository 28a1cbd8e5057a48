"""Jobs of other schedulers as documents for `tocsin apply`, and what changes in meaning. Text in, documents out."""
