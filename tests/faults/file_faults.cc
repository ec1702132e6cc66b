#include "tests/faults/file_faults.h"

#include <mutex>
#include <utility>

#include "tests/faults/file_layer.h"

namespace footnote::testing {

namespace fs = std::filesystem;
using Kind = FileOperation::Kind;

std::string Describe(const FileOperation& operation) {
  const auto named = [&](const char* what) { return what + (" " + operation.path); };
  switch (operation.kind) {
    case Kind::kFind:
      return named("find");
    case Kind::kCreate:
      return named("create");
    case Kind::kWrite:
      return "write at byte " + std::to_string(operation.offset) + " of " + operation.path;
    case Kind::kResize:
      return "resize to " + std::to_string(operation.offset) + " bytes " + operation.path;
    case Kind::kReserve:
      return named("reserve space for");
    case Kind::kSync:
      return named("sync");
    case Kind::kSyncFolder:
      return named("sync folder");
    case Kind::kRename:
      return named("rename") + " to " + operation.target;
    case Kind::kLink:
      return named("link") + " as " + operation.target;
    case Kind::kUnlink:
      return named("unlink");
    case Kind::kMakeFolder:
      return named("make folder");
    case Kind::kRemoveFolder:
      return named("remove folder");
    case Kind::kMark:
      return named("mark");
  }
  return "";
}

void FileFaults::Watch(const fs::path& folder, bool record) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  layer.Watch(folder.lexically_normal().string());
  layer.record = record;
}

std::vector<FileOperation> FileFaults::Stop() {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  std::vector<FileOperation> operations = std::move(layer.operations);
  layer.Watch("");
  return operations;
}

void FileFaults::Mark(const std::string& text) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  layer.Keep({.kind = Kind::kMark, .path = text});
}

void FileFaults::Fail(const Fault& fault) {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  layer.fault = fault;
  layer.failed.clear();
}

uint64_t FileFaults::Count() {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  return layer.count;
}

std::string FileFaults::Failed() {
  Layer& layer = Layer::Get();
  const std::lock_guard lock(layer.mutex);
  return layer.failed;
}

}  // namespace footnote::testing
