"""The landing area of streams: messages as files, and as rows of the warehouse, each exactly once.

A file holds messages of one partition in the order of their offsets, and its name says where they begin. So files alone
say how far a topic was read, and a warehouse can be loaded again from them.
"""
