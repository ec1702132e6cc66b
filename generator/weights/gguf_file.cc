#include "generator/weights/gguf_file.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "generator/weights/byte_cursor.h"

namespace footnote::generator {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint32_t kMostDimensions = 4;  // of the specification
constexpr uint32_t kDefaultAlignment = 32;

// Types of the specification that nobody here reads, and those that it gave up.
struct OtherType {
  uint32_t number;
  std::string_view name;
};
constexpr OtherType kOtherTypes[] = {
    {4, "Q4_2"},    {5, "Q4_3"},        {9, "Q8_1"},        {15, "Q8_K"},       {16, "IQ2_XXS"},
    {17, "IQ2_XS"}, {18, "IQ3_XXS"},    {19, "IQ1_S"},      {21, "IQ3_S"},      {22, "IQ2_S"},
    {24, "I8"},     {25, "I16"},        {26, "I32"},        {27, "I64"},        {28, "F64"},
    {29, "IQ1_M"},  {31, "Q4_0_4_4"},   {32, "Q4_0_4_8"},   {33, "Q4_0_8_8"},   {34, "TQ1_0"},
    {35, "TQ2_0"},  {36, "IQ4_NL_4_4"}, {37, "IQ4_NL_4_8"}, {38, "IQ4_NL_8_8"}, {39, "MXFP4"},
    {40, "NVFP4"},  {41, "Q1_0"},
};

std::string_view OtherTypeName(uint32_t number) {
  for (const OtherType& type : kOtherTypes) {
    if (type.number == number) return type.name;
  }
  return {};
}

// "F32, F16, …": what DTypeFromGguf knows.
std::string SupportedTypes() {
  std::string names;
  for (uint32_t number = 0; number < 64; ++number) {
    const std::optional<kernels::DType> dtype = kernels::DTypeFromGguf(number);
    if (dtype.has_value()) names += (names.empty() ? "" : ", ") + std::string(DTypeName(*dtype));
  }
  return names;
}

// A line of the table of tensors.
struct TensorInfo {
  StoredTensor tensor;
  uint64_t offset = 0;  // from the start of the data
  uint64_t size = 0;
};

// Reads one line of the table; `number` is its place.
StatusOr<TensorInfo> ReadTensorInfo(ByteCursor& cursor, uint64_t number) {
  const std::string place = "tensor " + std::to_string(number);
  uint64_t name_length = 0;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(name_length, "the name of " + place));
  std::span<const std::byte> name;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Take(name_length, name, "the name of " + place));
  TensorInfo info;
  info.tensor.name = std::string(AsText(name));
  const std::string what = "the description of tensor " + Shown(info.tensor.name);

  uint32_t dimensions = 0;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(dimensions, what));
  if (dimensions > kMostDimensions) {
    return DataLossError(what + " says " + std::to_string(dimensions) + " dimensions; at most " +
                         std::to_string(kMostDimensions) + " are allowed");
  }
  int64_t elements = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    uint64_t extent = 0;
    FOOTNOTE_RETURN_IF_ERROR(cursor.Read(extent, what));
    if (extent == 0 || extent > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ||
        __builtin_mul_overflow(elements, static_cast<int64_t>(extent), &elements)) {
      return DataLossError(what + " has dimension " + std::to_string(extent) +
                           ": the tensor is empty or has more than 2^63 elements");
    }
    info.tensor.shape.push_back(static_cast<int64_t>(extent));
  }
  // The file names the innermost axis first.
  std::reverse(info.tensor.shape.begin(), info.tensor.shape.end());

  uint32_t type = 0;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(type, what));
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(info.offset, what));
  const std::optional<kernels::DType> dtype = kernels::DTypeFromGguf(type);
  if (!dtype.has_value()) {
    const std::string_view name = OtherTypeName(type);
    return UnimplementedError(
        "tensor " + Shown(info.tensor.name) + " is " +
        (name.empty() ? "of GGUF type " + std::to_string(type) : std::string(name)) +
        ", which is not supported (these are: " + SupportedTypes() +
        "); use a file of another quantisation, as Q4_K_M");
  }
  info.tensor.dtype = *dtype;

  const int64_t columns = info.tensor.shape.empty() ? 1 : info.tensor.shape.back();
  const int64_t block = kernels::BlockElements(*dtype);
  if (columns % block != 0) {
    return DataLossError(
        what + ": rows of " + std::to_string(columns) + " elements are not whole blocks of " +
        std::string(kernels::DTypeName(*dtype)) + " (" + std::to_string(block) + " elements)");
  }
  int64_t size = 0;
  if (__builtin_mul_overflow(elements / block, kernels::BlockBytes(*dtype), &size)) {
    return DataLossError(what + ": the tensor has more than 2^63 bytes");
  }
  info.size = static_cast<uint64_t>(size);
  return info;
}

StatusOr<uint64_t> ReadAlignment(const GgufMetadata& metadata) {
  if (!metadata.Has("general.alignment")) return uint64_t{kDefaultAlignment};
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t alignment, metadata.GetInt("general.alignment"));
  if (alignment < 1 || alignment > (1 << 30) || (alignment & (alignment - 1)) != 0) {
    return DataLossError("general.alignment is " + std::to_string(alignment) +
                         "; it must be a power of two");
  }
  return static_cast<uint64_t>(alignment);
}

// Checks where the tensors lie and gives each its bytes. `data` is what follows the table, from
// file offset `start`.
Status PlaceTensors(std::vector<TensorInfo>& infos, std::span<const std::byte> file, uint64_t start,
                    uint64_t alignment) {
  const uint64_t available = file.size() > start ? file.size() - start : 0;
  const TensorInfo* first_cut = nullptr;
  uint64_t needed = 0;
  for (TensorInfo& info : infos) {
    uint64_t end = 0;
    if (info.offset % alignment != 0 || __builtin_add_overflow(info.offset, info.size, &end) ||
        end > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) - start) {
      return DataLossError("tensor " + Shown(info.tensor.name) + " is said to lie at offset " +
                           std::to_string(info.offset) + " of the data, which is no multiple of " +
                           std::to_string(alignment) + " or beyond any file");
    }
    needed = std::max(needed, end);
    if (end > available) {
      if (first_cut == nullptr || info.offset < first_cut->offset) first_cut = &info;
      continue;
    }
    info.tensor.bytes =
        file.subspan(static_cast<size_t>(start + info.offset), static_cast<size_t>(info.size));
  }
  if (first_cut != nullptr) {
    return DataLossError(
        "the file is truncated: it should have " + std::to_string(start + needed) +
        " bytes and has " + std::to_string(file.size()) + ", " +
        std::to_string(start + needed - file.size()) +
        " are missing; the first tensor that is cut, " + Shown(first_cut->tensor.name) + " (" +
        std::string(kernels::DTypeName(first_cut->tensor.dtype)) + "), lies at bytes " +
        std::to_string(start + first_cut->offset) + " to " +
        std::to_string(start + first_cut->offset + first_cut->size) + "; fetch the file again");
  }
  // Tensors that share bytes mean a damaged offset: the weights would silently be wrong.
  std::vector<const TensorInfo*> by_offset;
  for (const TensorInfo& info : infos) by_offset.push_back(&info);
  std::sort(by_offset.begin(), by_offset.end(), [](const TensorInfo* a, const TensorInfo* b) {
    return std::pair(a->offset, a->size) < std::pair(b->offset, b->size);
  });
  for (size_t i = 1; i < by_offset.size(); ++i) {
    if (by_offset[i - 1]->offset + by_offset[i - 1]->size > by_offset[i]->offset) {
      return DataLossError("tensors " + Shown(by_offset[i - 1]->tensor.name) + " and " +
                           Shown(by_offset[i]->tensor.name) + " overlap at offset " +
                           std::to_string(start + by_offset[i]->offset));
    }
  }
  return OkStatus();
}

}  // namespace

StatusOr<GgufFile> ReadGgufFile(std::span<const std::byte> bytes, GgufPart part) {
  ByteCursor cursor(bytes);
  uint32_t magic = 0;
  uint32_t version = 0;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(magic, "the header"));
  if (magic != kMagic) {
    return DataLossError("this is no GGUF file: it does not begin with \"GGUF\"");
  }
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(version, "the header"));
  if (version != 2 && version != 3) {
    const bool swapped = (version & 0xFFFF) == 0 && version != 0;
    return UnimplementedError(swapped ? "big-endian GGUF is not supported; convert the file"
                                      : "GGUF version " + std::to_string(version) +
                                            " is not supported; versions 2 and 3 are");
  }
  uint64_t tensor_count = 0;
  uint64_t metadata_count = 0;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(tensor_count, "the header"));
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(metadata_count, "the header"));
  GgufFile file;
  FOOTNOTE_ASSIGN_OR_RETURN(file.metadata, GgufMetadata::Parse(cursor, metadata_count));
  if (part == GgufPart::kMetadata) return file;

  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t alignment, ReadAlignment(file.metadata));
  // The shortest line: the length of a name, the number of dimensions, a type and an offset.
  FOOTNOTE_RETURN_IF_ERROR(cursor.Expect(tensor_count, 24, "the tensor count"));
  std::vector<TensorInfo> infos;
  infos.reserve(static_cast<size_t>(tensor_count));
  for (uint64_t number = 0; number < tensor_count; ++number) {
    FOOTNOTE_ASSIGN_OR_RETURN(TensorInfo info, ReadTensorInfo(cursor, number));
    infos.push_back(std::move(info));
  }
  const uint64_t start = (cursor.offset() + alignment - 1) / alignment * alignment;
  FOOTNOTE_RETURN_IF_ERROR(PlaceTensors(infos, bytes, start, alignment));
  file.tensors.reserve(infos.size());
  for (TensorInfo& info : infos) file.tensors.push_back(std::move(info.tensor));
  return file;
}

}  // namespace footnote::generator
