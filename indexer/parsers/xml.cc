#include "indexer/parsers/xml.h"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>

namespace footnote::indexer {
namespace {

pugi::xml_node Of(void* node) { return pugi::xml_node(static_cast<pugi::xml_node_struct*>(node)); }

std::string_view Local(std::string_view name) {
  const size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_attribute FindAttribute(void* node, std::string_view local_name) {
  for (const pugi::xml_attribute& each : Of(node).attributes()) {
    if (Local(each.name()) == local_name) return each;
  }
  return {};
}

bool IsElement(const pugi::xml_node& node) { return node.type() == pugi::node_element; }

// Without recursion: pugixml builds and frees a deep tree without it, callers do not.
bool IsTooDeep(const pugi::xml_document& document) {
  int depth = 0;
  for (pugi::xml_node node = document.first_child(); node;) {
    if (node.first_child()) {
      if (++depth > kMaxXmlDepth) return true;
      node = node.first_child();
      continue;
    }
    while (node && !node.next_sibling()) {
      node = node.parent();
      --depth;
      if (depth < 0) return false;
    }
    node = node.next_sibling();
  }
  return false;
}

// A few bytes of markup make a node of many: "<a/>" 64. Asked before the tree is built.
bool IsTreeTooLarge(std::string_view bytes) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 30;
  constexpr uint64_t kNodeBytes = 64;
  constexpr uint64_t kAttributeBytes = 40;
  const auto tags = static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), '<'));
  const auto attributes = static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), '='));
  return bytes.size() + tags * kNodeBytes + attributes * kAttributeBytes > kMostBytes;
}

}  // namespace

bool XmlNode::is_element() const { return node_ != nullptr && IsElement(Of(node_)); }

bool XmlNode::is_text() const {
  if (node_ == nullptr) return false;
  const pugi::xml_node_type type = Of(node_).type();
  return type == pugi::node_pcdata || type == pugi::node_cdata;
}

std::string_view XmlNode::name() const {
  return is_element() ? Local(Of(node_).name()) : std::string_view();
}

std::string_view XmlNode::text() const {
  return is_text() ? std::string_view(Of(node_).value()) : std::string_view();
}

std::string_view XmlNode::attribute(std::string_view local_name) const {
  return FindAttribute(node_, local_name).value();
}

std::string_view XmlNode::prefixed_attribute(std::string_view local_name) const {
  for (const pugi::xml_attribute& each : Of(node_).attributes()) {
    const std::string_view name = each.name();
    if (name.size() > local_name.size() && Local(name) == local_name) return each.value();
  }
  return {};
}

bool XmlNode::has_attribute(std::string_view local_name) const {
  return static_cast<bool>(FindAttribute(node_, local_name));
}

std::vector<std::pair<std::string_view, std::string_view>> XmlNode::attributes() const {
  std::vector<std::pair<std::string_view, std::string_view>> result;
  for (const pugi::xml_attribute& each : Of(node_).attributes()) {
    const std::string_view name = each.name();
    if (name != "xmlns" && !name.starts_with("xmlns:"))
      result.emplace_back(Local(name), each.value());
  }
  return result;
}

XmlNode XmlNode::first_child() const { return XmlNode(Of(node_).first_child().internal_object()); }

XmlNode XmlNode::next_sibling() const {
  return XmlNode(Of(node_).next_sibling().internal_object());
}

XmlNode XmlNode::child(std::string_view local_name) const {
  for (const pugi::xml_node& each : Of(node_).children()) {
    if (IsElement(each) && Local(each.name()) == local_name) return XmlNode(each.internal_object());
  }
  return {};
}

std::vector<XmlNode> XmlNode::children() const {
  std::vector<XmlNode> result;
  for (const pugi::xml_node& each : Of(node_).children()) {
    if (IsElement(each)) result.push_back(XmlNode(each.internal_object()));
  }
  return result;
}

std::vector<XmlNode> XmlNode::children(std::string_view local_name) const {
  std::vector<XmlNode> result;
  for (const pugi::xml_node& each : Of(node_).children()) {
    if (IsElement(each) && Local(each.name()) == local_name) {
      result.push_back(XmlNode(each.internal_object()));
    }
  }
  return result;
}

std::string TextOf(const XmlNode& node) {
  std::string text(node.text());
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    text += TextOf(child);
  }
  return text;
}

int ReadInt(std::string_view text, int low, int high, int otherwise) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return otherwise;
  return std::clamp(value, low, high);
}

struct XmlDocument::State {
  pugi::xml_document document;
};

XmlDocument::XmlDocument(std::unique_ptr<State> state) : state_(std::move(state)) {}
XmlDocument::XmlDocument(XmlDocument&&) noexcept = default;
XmlDocument& XmlDocument::operator=(XmlDocument&&) noexcept = default;
XmlDocument::~XmlDocument() = default;

StatusOr<XmlDocument> XmlDocument::Parse(std::string_view bytes) {
  if (IsTreeTooLarge(bytes)) {
    return ResourceExhaustedError("its XML has too many elements: split it into several files");
  }
  auto state = std::make_unique<State>();
  const pugi::xml_parse_result result = state->document.load_buffer(
      bytes.data(), bytes.size(), pugi::parse_default | pugi::parse_ws_pcdata);
  if (!result) {
    return InvalidArgumentError("it is not well-formed XML: " + std::string(result.description()) +
                                " at byte " + std::to_string(result.offset));
  }
  if (IsTooDeep(state->document)) return InvalidArgumentError("its elements are nested too deep");
  return XmlDocument(std::move(state));
}

XmlNode XmlDocument::root() const {
  return XmlNode(state_->document.document_element().internal_object());
}

}  // namespace footnote::indexer
