// XML as a tree to read: the only file that knows pugixml. Names are local ones, without prefix: a
// prefix is the writer's choice. Entities other than the five of XML and numbers stay as they are,
// so nothing grows; a document type is skipped.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"

namespace footnote::indexer {

class XmlDocument;

// A place in a document that must outlive it; cheap to copy. All calls are safe on an empty one.
class XmlNode {
 public:
  XmlNode() = default;
  explicit operator bool() const { return node_ != nullptr; }

  bool is_element() const;
  bool is_text() const;           // or CDATA
  std::string_view name() const;  // of an element; else empty
  std::string_view text() const;  // of text itself; else empty: TextOf gives what is below
  // Empty when there is none. "val" finds w:val.
  std::string_view attribute(std::string_view local_name) const;
  // Of an attribute with a prefix: "id" finds r:id beside id.
  std::string_view prefixed_attribute(std::string_view local_name) const;
  bool has_attribute(std::string_view local_name) const;
  // All of an element, as local name and value; declarations of namespaces are none.
  std::vector<std::pair<std::string_view, std::string_view>> attributes() const;

  XmlNode first_child() const;
  XmlNode next_sibling() const;
  // The first child element of that name, or an empty node.
  XmlNode child(std::string_view local_name) const;
  // Elements, of any name or of one.
  std::vector<XmlNode> children() const;
  std::vector<XmlNode> children(std::string_view local_name) const;

 private:
  friend class XmlDocument;
  explicit XmlNode(void* node) : node_(node) {}
  void* node_ = nullptr;  // pugi::xml_node_struct
};

// All text below, in order, as it is.
std::string TextOf(const XmlNode& node);

// The whole number that `text` begins with, within [low, high]; `otherwise` when there is none.
int ReadInt(std::string_view text, int low, int high, int otherwise);

class XmlDocument {
 public:
  // Errors: INVALID_ARGUMENT with what is wrong and at which byte; nested deeper than kMaxXmlDepth.
  // RESOURCE_EXHAUSTED when the tree would take more than a gigabyte.
  static StatusOr<XmlDocument> Parse(std::string_view bytes);
  XmlDocument(XmlDocument&&) noexcept;
  XmlDocument& operator=(XmlDocument&&) noexcept;
  ~XmlDocument();

  XmlNode root() const;  // the outermost element

 private:
  struct State;
  explicit XmlDocument(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Walking by recursion is safe up to here.
inline constexpr int kMaxXmlDepth = 512;

}  // namespace footnote::indexer
