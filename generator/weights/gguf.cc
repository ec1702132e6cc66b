#include "generator/weights/gguf.h"

#include <utility>
#include <vector>

#include "common/file.h"
#include "generator/weights/byte_cursor.h"
#include "generator/weights/gguf_file.h"
#include "generator/weights/gguf_metadata.h"
#include "generator/weights/gguf_split.h"
#include "generator/weights/tensor_table.h"

namespace footnote::generator {
namespace {

class GgufSource final : public WeightSource {
 public:
  GgufSource(std::string description, GgufMetadata metadata)
      : description_(std::move(description)), metadata_(std::move(metadata)) {
    if (Has("tokenizer.chat_template")) {
      StatusOr<std::string> text = metadata_.GetString("tokenizer.chat_template");
      if (text.ok()) chat_template_ = std::move(text).value();
    }
  }

  // The tensors of a file of `size` bytes.
  Status Add(std::vector<StoredTensor> tensors, size_t size) {
    for (StoredTensor& tensor : tensors) {
      FOOTNOTE_RETURN_IF_ERROR(table_.Add(std::move(tensor)));
    }
    total_bytes_ += static_cast<int64_t>(size);
    return OkStatus();
  }

  void Own(MappedFile file) {
    files_.push_back(file.path());
    mapped_.push_back(std::move(file));
  }

  WeightFormat format() const override { return WeightFormat::kGguf; }
  const std::string& description() const override { return description_; }
  const std::vector<std::filesystem::path>& files() const override { return files_; }
  int64_t total_bytes() const override { return total_bytes_; }
  void DropResidentPages(std::span<const std::byte> part) const override {
    for (const MappedFile& file : mapped_) file.DropResidentPages(part);
  }

  const std::vector<StoredTensor>& tensors() const override { return table_.tensors(); }
  const StoredTensor* Find(std::string_view name) const override { return table_.Find(name); }
  StatusOr<const StoredTensor*> Optional(std::string_view name) const override {
    return table_.Optional(name, description_);
  }
  StatusOr<const StoredTensor*> Require(std::string_view name) const override {
    return table_.Require(name, description_);
  }

  bool Has(std::string_view key) const override { return metadata_.Has(key); }
  StatusOr<int64_t> GetInt(std::string_view key) const override {
    return Named(metadata_.GetInt(key));
  }
  StatusOr<double> GetFloat(std::string_view key) const override {
    return Named(metadata_.GetFloat(key));
  }
  StatusOr<bool> GetBool(std::string_view key) const override {
    return Named(metadata_.GetBool(key));
  }
  StatusOr<std::string> GetString(std::string_view key) const override {
    return Named(metadata_.GetString(key));
  }
  StatusOr<std::vector<int64_t>> GetInts(std::string_view key) const override {
    return Named(metadata_.GetInts(key));
  }
  StatusOr<std::vector<double>> GetFloats(std::string_view key) const override {
    return Named(metadata_.GetFloats(key));
  }
  StatusOr<std::vector<std::string>> GetStrings(std::string_view key) const override {
    return Named(metadata_.GetStrings(key));
  }
  std::vector<std::string> Keys() const override { return metadata_.keys(); }
  const std::string& chat_template() const override { return chat_template_; }

 private:
  template <typename T>
  StatusOr<T> Named(StatusOr<T> result) const {
    if (result.ok()) return result;
    return result.status().WithContext(description_);
  }

  std::string description_;
  std::vector<MappedFile> mapped_;
  std::vector<std::filesystem::path> files_;
  GgufMetadata metadata_;
  TensorTable table_;
  int64_t total_bytes_ = 0;
  std::string chat_template_;
};

// A file, mapped and read.
struct OpenedFile {
  MappedFile mapped;
  GgufFile parsed;
  GgufSplit split;
};

StatusOr<OpenedFile> Open(const std::filesystem::path& path, GgufPart part) {
  FOOTNOTE_ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::Open(path));
  StatusOr<GgufFile> parsed = ReadGgufFile(mapped.bytes(), part);
  if (!parsed.ok()) return parsed.status().WithContext(path.string());
  StatusOr<GgufSplit> split = ReadGgufSplit(parsed->metadata);
  if (!split.ok()) return split.status().WithContext(path.string());
  return OpenedFile{std::move(mapped), std::move(parsed).value(), std::move(split).value()};
}

// Part `number` (from 0) of `count`.
StatusOr<OpenedFile> OpenPart(const std::filesystem::path& path, int64_t number, int64_t count,
                              GgufPart part) {
  const std::string which =
      "part " + std::to_string(number + 1) + " of " + std::to_string(count) + ", ";
  StatusOr<OpenedFile> file = Open(path, part);
  if (file.status().code() == StatusCode::kNotFound) {
    return NotFoundError(which + Shown(path.string()) +
                         ", is missing; all parts must be in one folder");
  }
  if (!file.ok()) return file;
  if (file->split.part != number || file->split.count != count) {
    return DataLossError(
        which + Shown(path.string()) + ", is said to be part " +
        std::to_string(file->split.part + 1) + " of " + std::to_string(file->split.count) +
        " (split.no and split.count); it belongs to another model, or was renamed");
  }
  return file;
}

}  // namespace

bool LooksLikeGguf(std::span<const std::byte> bytes) {
  return AsText(bytes).substr(0, 4) == "GGUF";
}

StatusOr<std::unique_ptr<WeightSource>> ParseGguf(std::span<const std::byte> bytes,
                                                  std::string description, GgufPart part) {
  StatusOr<GgufFile> file = ReadGgufFile(bytes, part);
  if (!file.ok()) return file.status().WithContext(description);
  StatusOr<GgufSplit> split = ReadGgufSplit(file->metadata);
  if (!split.ok()) return split.status().WithContext(description);
  if (split->count > 1 && part == GgufPart::kAll) {
    return UnimplementedError(description + " is part " + std::to_string(split->part + 1) + " of " +
                              std::to_string(split->count) + "; parts are opened as files");
  }
  auto source = std::make_unique<GgufSource>(description, std::move(file->metadata));
  if (Status status = source->Add(std::move(file->tensors), bytes.size()); !status.ok()) {
    return status.WithContext(description);
  }
  return std::unique_ptr<WeightSource>(std::move(source));
}

StatusOr<std::unique_ptr<WeightSource>> OpenGguf(const std::filesystem::path& path, GgufPart part) {
  FOOTNOTE_ASSIGN_OR_RETURN(OpenedFile named, Open(path, part));
  const GgufSplit split = named.split;
  std::vector<std::filesystem::path> paths = {path};
  if (split.count > 1) {
    StatusOr<std::vector<std::filesystem::path>> parts = GgufParts(path, split);
    if (!parts.ok()) return parts.status().WithContext(path.string());
    paths = std::move(parts).value();
    if (part == GgufPart::kMetadata) paths.resize(1);
  }
  std::unique_ptr<GgufSource> source;
  std::optional<int64_t> wanted;
  for (size_t i = 0; i < paths.size(); ++i) {
    const auto number = static_cast<int64_t>(i);
    StatusOr<OpenedFile> file = number == split.part
                                    ? StatusOr<OpenedFile>(std::move(named))
                                    : OpenPart(paths[i], number, split.count, part);
    if (!file.ok()) return std::move(file).status();
    if (source == nullptr) {
      source = std::make_unique<GgufSource>(path.string(), std::move(file->parsed.metadata));
      wanted = file->split.tensors;
    }
    const size_t size = file->mapped.bytes().size();
    if (Status status = source->Add(std::move(file->parsed.tensors), size); !status.ok()) {
      return status.WithContext(paths[i].string());
    }
    source->Own(std::move(file->mapped));
  }
  const auto found = static_cast<int64_t>(source->tensors().size());
  if (part == GgufPart::kAll && split.count > 1 && wanted.value_or(found) != found) {
    return DataLossError(path.string() + ": the " + std::to_string(split.count) + " parts hold " +
                         std::to_string(found) + " tensors, not the " + std::to_string(*wanted) +
                         " that the first names (split.tensors.count); fetch them again");
  }
  return std::unique_ptr<WeightSource>(std::move(source));
}

}  // namespace footnote::generator
