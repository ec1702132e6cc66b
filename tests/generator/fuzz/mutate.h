// Mutations that know the format, for libFuzzer: a changed length or offset in a file that is
// otherwise whole gets past the checks where random bytes end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "generator/weights/weight_source.h"

namespace footnote::generator::fuzz {

// A GGUF file in data[0, size): a field of its header (a count, length, type, dimension, offset or
// value) is replaced, a pair of metadata removed or doubled, or bytes of the header are mutated.
// The new size, at most max_size.
size_t MutateGguf(uint8_t* data, size_t size, size_t max_size, unsigned seed);

// JSON text: a value is replaced, removed, doubled, wrapped or exchanged with another; what is no
// JSON is mutated as bytes.
std::string MutateJson(std::string_view text, size_t max_size, unsigned seed);

// Copies to data what fits; its size.
size_t Return(std::string_view bytes, uint8_t* data, size_t max_size);

// An input of several texts: parts between lines of "====".
std::vector<std::string> SplitParts(std::string_view input);
std::string JoinParts(const std::vector<std::string>& parts);

// A folder of this process in memory (/dev/shm), gone at exit.
const std::filesystem::path& Folder();
void WriteInFolder(const char* name, std::string_view bytes);

// Reads all that a source offers, so that a wild view is touched, and builds its network.
void UseAll(const WeightSource& source);

}  // namespace footnote::generator::fuzz
