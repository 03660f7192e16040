"""The safety node: is this text, is this picture, fit to be made and shown?"""
