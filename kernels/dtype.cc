#include "kernels/dtype.h"

#include <string>

#include "kernels/quant/codec.h"

namespace footnote::kernels {
namespace {

struct Format {
  std::string_view name;
  uint32_t gguf_type;
  int64_t block_elements;
  int64_t block_bytes;
  const FormatCodec* codec;
};

constexpr Format kFormats[] = {
#define FOOTNOTE_FORMAT(enumerator, name, gguf_type, block_elements, block_bytes) \
  {#name, gguf_type, block_elements, block_bytes, &kCodec##name},
#include "kernels/quant/formats.def"
#undef FOOTNOTE_FORMAT
};

const Format& FormatOf(DType dtype) { return kFormats[static_cast<size_t>(dtype)]; }

// Number of blocks, or an error that names both sizes.
StatusOr<int64_t> CountBlocks(const Format& format, size_t elements, size_t bytes) {
  if (elements % static_cast<size_t>(format.block_elements) != 0) {
    return InvalidArgumentError(std::to_string(elements) + " elements are not whole blocks of " +
                                std::string(format.name) + ", which hold " +
                                std::to_string(format.block_elements));
  }
  const size_t blocks = elements / static_cast<size_t>(format.block_elements);
  if (bytes / static_cast<size_t>(format.block_bytes) < blocks) {
    return InvalidArgumentError(std::to_string(bytes) + " bytes are too few for " +
                                std::to_string(elements) + " elements of " +
                                std::string(format.name));
  }
  return static_cast<int64_t>(blocks);
}

}  // namespace

std::string_view DTypeName(DType dtype) { return FormatOf(dtype).name; }

std::optional<DType> DTypeFromGguf(uint32_t gguf_type) {
  for (size_t i = 0; i < std::size(kFormats); ++i) {
    if (kFormats[i].gguf_type == gguf_type) return static_cast<DType>(i);
  }
  return std::nullopt;
}

int64_t BlockElements(DType dtype) { return FormatOf(dtype).block_elements; }
int64_t BlockBytes(DType dtype) { return FormatOf(dtype).block_bytes; }
int64_t RowBytes(DType dtype, int64_t columns) {
  return columns / BlockElements(dtype) * BlockBytes(dtype);
}

Status Dequantize(DType dtype, std::span<const std::byte> blocks, std::span<float> out) {
  const Format& format = FormatOf(dtype);
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t count, CountBlocks(format, out.size(), blocks.size()));
  format.codec->decode(reinterpret_cast<const uint8_t*>(blocks.data()), count, out.data());
  return OkStatus();
}

Status Quantize(DType dtype, std::span<const float> values, std::span<std::byte> blocks) {
  const Format& format = FormatOf(dtype);
  if (format.codec->encode == nullptr) {
    return UnimplementedError("there is no encoder for " + std::string(format.name) +
                              "; use Q8_0 or Q5_1");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t count, CountBlocks(format, values.size(), blocks.size()));
  format.codec->encode(values.data(), count, reinterpret_cast<uint8_t*>(blocks.data()));
  return OkStatus();
}

}  // namespace footnote::kernels
