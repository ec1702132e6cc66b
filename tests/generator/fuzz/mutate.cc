#include "tests/generator/fuzz/mutate.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>

#include <nlohmann/json.hpp>

#include "generator/arch/network.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace footnote::generator::fuzz {
namespace {

using nlohmann::json;
using Random = std::minstd_rand;

constexpr std::string_view kLine = "\n====\n";

struct Field {
  size_t offset;
  size_t width;
};

// What a walk over a header finds. Ends where the header makes no sense.
struct Walk {
  explicit Walk(std::string_view bytes) : bytes(bytes) {
    uint64_t tensors = 0, pairs = 0;
    Skip(4);
    Take(4);
    tensors = Take(8);
    pairs = Take(8);
    for (uint64_t i = 0; i < pairs && ok; ++i) {
      const size_t begin = at;
      Text();
      const uint64_t type = Take(4);
      Value(type, 0);
      if (ok) pair_ranges.push_back({begin, at - begin});
    }
    for (uint64_t i = 0; i < tensors && ok; ++i) {
      Text();
      const uint64_t dimensions = Take(4);
      for (uint64_t d = 0; d < dimensions && ok; ++d) Take(8);
      Take(4);
      Take(8);
    }
  }

  void Skip(uint64_t count) {
    ok = ok && count <= bytes.size() - at;
    if (ok) at += count;
  }
  uint64_t Take(size_t width) {
    uint64_t value = 0;
    const size_t begin = at;
    Skip(width);
    if (!ok) return 0;
    std::memcpy(&value, bytes.data() + begin, width);
    fields.push_back({begin, width});
    return value;
  }
  void Text() { Skip(Take(8)); }
  void Value(uint64_t type, int depth) {
    constexpr size_t kWidths[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    if (type >= std::size(kWidths) || depth > 4) {
      ok = false;
    } else if (type == 8) {
      Text();
    } else if (type == 9) {
      const uint64_t element = Take(4);
      const uint64_t count = Take(8);
      if (element < std::size(kWidths) && kWidths[element] > 0) {
        for (uint64_t i = 0; i < std::min<uint64_t>(count, 4) && ok; ++i) Take(kWidths[element]);
        if (count > 4 && count < bytes.size()) Skip((count - 4) * kWidths[element]);
      } else {
        for (uint64_t i = 0; i < count && ok; ++i) Value(element, depth + 1);
      }
    } else {
      Take(kWidths[type]);
    }
  }

  std::string_view bytes;
  size_t at = 0;
  bool ok = true;
  std::vector<Field> fields;
  std::vector<Field> pair_ranges;
};

uint64_t OddNumber(uint64_t old, size_t file_size, Random& random) {
  const uint64_t odd[] = {0,
                          1,
                          2,
                          old + 1,
                          old - 1,
                          old * 2,
                          old / 2,
                          uint64_t{0} - 1,
                          uint64_t{1} << 31,
                          uint64_t{1} << 32,
                          uint64_t{1} << 62,
                          uint64_t{1} << 63,
                          (uint64_t{1} << 63) - 1,
                          file_size,
                          file_size - 1,
                          random() % 64,
                          old ^ (uint64_t{1} << random() % 64)};
  return odd[random() % std::size(odd)];
}

// Values of a document, containers included.
void Collect(json& value, std::vector<json*>& out, int depth = 0) {
  if (depth > 100) return;
  out.push_back(&value);
  if (value.is_structured()) {
    for (auto& element : value) Collect(element, out, depth + 1);
  }
}

json OddValue(const json& old, Random& random) {
  switch (random() % 16) {
    case 0:
      return nullptr;
    case 1:
      return 0;
    case 2:
      return -1;
    case 3:
      return std::numeric_limits<uint64_t>::max();
    case 4:
      return std::numeric_limits<int64_t>::max() - static_cast<int64_t>(random() % 3);
    case 5:
      return 1e308;
    case 6:
      return 0.5;
    case 7:
      return "";
    case 8:
      return json::array();
    case 9:
      return json::object();
    case 10:
      return true;
    case 11:
      return int64_t{1} << (random() % 62);
    case 12:
      return old.is_number_integer() ? json(old.get<uint64_t>() + 1) : json("\xF0\x9F\x98\x80");
    case 13:
      return old.is_number_integer() ? json(old.get<int64_t>() / 2) : json("../x");
    case 14:
      return json::array({old});
    default:
      return json(random() % 4096);
  }
}

std::string Bytes(std::string_view text, size_t max_size) {
  std::string bytes(std::max<size_t>(max_size, 1), '\0');
  const size_t size = std::min(text.size(), max_size);
  std::copy_n(text.data(), size, bytes.data());
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(bytes.data()), size, bytes.size()));
  return bytes;
}

void MutateValue(json& document, Random& random) {
  std::vector<json*> values;
  Collect(document, values);
  json& value = *values[random() % values.size()];
  json& other = *values[random() % values.size()];
  switch (random() % 6) {
    case 0: {
      const json copy = other;
      value = copy;
      break;
    }
    case 1:
      if (value.is_object() && !value.empty()) {
        auto gone = value.begin();
        std::advance(gone, random() % value.size());
        if (random() % 2 == 0) {
          value[gone.key() + "x"] = *gone;
        } else {
          value.erase(gone);
        }
        break;
      }
      [[fallthrough]];
    case 2:
      if (value.is_array() && !value.empty()) {
        const size_t at = random() % value.size();
        if (random() % 2 == 0) {
          const json copy = value[at];
          value.push_back(copy);
        } else {
          value.erase(at);
        }
        break;
      }
      [[fallthrough]];
    case 3:
      if (value.is_string()) {
        value = Bytes(value.get<std::string>(), value.get<std::string>().size() + 8);
        break;
      }
      [[fallthrough]];
    default:
      value = OddValue(value, random);
  }
}

}  // namespace

size_t MutateGguf(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  Random random(seed);
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const Walk walk(bytes);
  const unsigned choice = random() % 8;
  if (walk.fields.size() < 4 || choice == 0) {
    // The header alone: what lies behind is numbers.
    const size_t head = std::min(size, walk.at + 64);
    const std::string mutated = Bytes(bytes.substr(0, head), std::min(max_size, head + 64));
    return Return(mutated + bytes.substr(head), data, max_size);
  }
  if (choice == 1 && !walk.pair_ranges.empty()) {
    const Field pair = walk.pair_ranges[random() % walk.pair_ranges.size()];
    uint64_t count = 0;
    std::memcpy(&count, bytes.data() + 16, sizeof count);
    if (random() % 2 == 0) {
      bytes.erase(pair.offset, pair.width);
      --count;
    } else {
      bytes.insert(pair.offset, bytes.substr(pair.offset, pair.width));
      count += random() % 2;
    }
    std::memcpy(bytes.data() + 16, &count, sizeof count);
    return Return(bytes, data, max_size);
  }
  for (unsigned changes = 1 + random() % 2; changes > 0; --changes) {
    const Field field = walk.fields[random() % walk.fields.size()];
    uint64_t value = 0;
    std::memcpy(&value, bytes.data() + field.offset, field.width);
    value = OddNumber(value, size, random);
    std::memcpy(bytes.data() + field.offset, &value, field.width);
  }
  return Return(bytes, data, max_size);
}

std::string MutateJson(std::string_view text, size_t max_size, unsigned seed) {
  Random random(seed);
  json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded() || random() % 16 == 0) return Bytes(text, max_size);
  for (unsigned changes = 1 + random() % 2; changes > 0; --changes) MutateValue(document, random);
  const std::string mutated = document.dump(-1, ' ', false, json::error_handler_t::replace);
  return mutated.size() <= max_size ? mutated : Bytes(text, max_size);
}

size_t Return(std::string_view bytes, uint8_t* data, size_t max_size) {
  const size_t size = std::min(bytes.size(), max_size);
  std::memcpy(data, bytes.data(), size);
  return size;
}

std::vector<std::string> SplitParts(std::string_view input) {
  std::vector<std::string> parts;
  for (size_t end = 0; end != std::string_view::npos;
       input.remove_prefix(end == std::string_view::npos ? input.size() : end + kLine.size())) {
    end = input.find(kLine);
    parts.emplace_back(input.substr(0, end));
  }
  return parts;
}

std::string JoinParts(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) joined += kLine;
    joined += part;
  }
  return joined;
}

const std::filesystem::path& Folder() {
  struct Own {
    Own() : path("/dev/shm/footnote-fuzz-" + std::to_string(::getpid())) {
      std::filesystem::create_directories(path);
    }
    ~Own() {
      std::error_code error;
      std::filesystem::remove_all(path, error);
    }
    std::filesystem::path path;
  };
  static const Own own;
  return own.path;
}

void WriteInFolder(const char* name, std::string_view bytes) {
  std::ofstream file(Folder() / name, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void UseAll(const WeightSource& source) {
  unsigned sum = 0;
  for (const StoredTensor& tensor : source.tensors()) {
    for (const std::byte byte : tensor.bytes) sum += static_cast<unsigned>(byte);
    if (tensor.elements() < 0) std::abort();
  }
  for (const std::string& key : source.Keys()) {
    sum += source.GetInt(key).ok();
    sum += source.GetFloat(key).ok();
    sum += source.GetBool(key).ok();
    sum += source.GetString(key).ok();
    sum += source.GetInts(key).ok();
    sum += source.GetFloats(key).ok();
    sum += source.GetStrings(key).ok();
  }
  sum += static_cast<unsigned>(source.chat_template().size());
  volatile unsigned kept = sum;
  static_cast<void>(kept);
  BuildNetwork(source).status().IgnoreError();
}

}  // namespace footnote::generator::fuzz
