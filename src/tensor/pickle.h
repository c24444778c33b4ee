// A parser of Python pickles that builds a tree of values and executes nothing.
//
// Opcodes and their meaning: CPython, Lib/pickletools.py. Nodes are 16 bytes and refer to each other by
// index; texts and long integers stay in the input. An opcode makes at most one node, so the tree is a
// bounded multiple of the input.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/integers.h"

namespace assay::tensor {

/// A name that GLOBAL or STACK_GLOBAL may speak of.
struct PickleName {
  std::string_view module;
  std::string_view name;
};

/// What a pickle may contain.
struct PickleRules {
  unsigned min_protocol = 2;
  unsigned max_protocol = 4;
  std::span<const PickleName> names;
  bool persistent_ids = false;
  std::size_t max_parents = 0;  ///< tuples, lists, dicts, calls and persistent ids together
};

class Pickle {
 public:
  using Id = std::uint32_t;
  enum class Kind : std::uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kText,
    kBytes,
    kTuple,
    kList,
    kDict,  ///< children: key, value, key, value, ..; what OrderedDict() makes as well
    kName,  ///< an allowed global name
    kCall,  ///< children: the name called, its tuple of arguments, and the state of BUILD if there was one
    kPersistent,  ///< children: the persistent id
  };

  /// Errors: kMalformed, kUnsupported (opcode, name or protocol that the rules lack), kTooLarge.
  static Result<Pickle> parse(ByteSpan bytes, const PickleRules& rules, std::string_view place);

  [[nodiscard]] Id root() const { return root_; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] Kind kind(Id id) const { return nodes_[id].kind; }

  // Of a node of the kind in question.
  [[nodiscard]] bool boolean(Id id) const { return nodes_[id].payload != 0; }
  [[nodiscard]] double real(Id id) const;
  [[nodiscard]] std::string_view text(Id id) const;
  [[nodiscard]] ByteSpan raw(Id id) const;
  [[nodiscard]] std::span<const Id> children(Id id) const;
  /// Index into the rules' names.
  [[nodiscard]] std::size_t name_index(Id id) const { return nodes_[id].payload; }

  /// True and the number, for an int that fits.
  [[nodiscard]] bool int64(Id id, std::int64_t& value) const;
  [[nodiscard]] bool is_int(Id id, std::int64_t value) const;
  [[nodiscard]] bool is_text(Id id, std::string_view value) const;
  /// An int of any size. Errors: kOutOfRange over (r - 1) / 2 in magnitude.
  [[nodiscard]] Result<Scalar> scalar(Id id, std::string_view place) const;

 private:
  friend class PickleMachine;

  struct Node {
    Kind kind = Kind::kNone;
    bool wide = false;          // kInt: the number is `length` bytes of the input at `payload`
    std::uint32_t length = 0;   // kText, kBytes, wide kInt
    std::uint64_t payload = 0;  // number, offset, index into children_ or names
  };

  ByteSpan bytes_;
  std::vector<Node> nodes_;
  std::vector<std::vector<Id>> children_;
  Id root_ = 0;
};

}  // namespace assay::tensor
