// precompiled.cpp - owns the headers that every test includes, compiled once.
