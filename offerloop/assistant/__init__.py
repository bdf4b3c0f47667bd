"""The chatbot: a customer asks about orders in words, and gets an answer about its own alone."""
