// The pickle machine: a stack, marks and a memo, all of node ids.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/try.h"
#include "base/utf8.h"
#include "tensor/load.h"
#include "tensor/pickle.h"

namespace assay::tensor {
namespace {

constexpr std::size_t kMaxMarks = 1000;
constexpr std::size_t kMaxBytes = std::size_t{1} << 32;  // so that ids and lengths fit 32 bits

}  // namespace

class PickleMachine {
 public:
  using Id = Pickle::Id;
  using Kind = Pickle::Kind;

  PickleMachine(ByteSpan bytes, const PickleRules& rules, std::string_view place)
      : bytes_(bytes), rules_(rules), place_(place) {
    pickle_.bytes_ = bytes;
  }

  Result<Pickle> run() {
    if (bytes_.size() >= kMaxBytes) return fail(ErrorCode::kTooLarge, "a pickle of 4 GiB or more");
    const std::size_t opcode = ASSAY_TRY(read<std::uint8_t>());
    protocol_ = ASSAY_TRY(read<std::uint8_t>());
    if (opcode != 0x80) return fail(ErrorCode::kUnsupported, "does not start with a protocol number");
    if (protocol_ < rules_.min_protocol || protocol_ > rules_.max_protocol) {
      return fail(ErrorCode::kUnsupported, fmt::format("pickle protocol {} is not read here", protocol_));
    }
    for (;;) {
      if (frame_end_ != 0 && at_ >= frame_end_) {
        if (at_ > frame_end_) return fail(ErrorCode::kMalformed, "an opcode crosses the end of its frame");
        frame_end_ = 0;
      }
      op_at_ = at_;
      const std::uint8_t op = ASSAY_TRY(read<std::uint8_t>());
      if (op == '.') break;
      ASSAY_TRY(step(op));
    }
    if (at_ != bytes_.size() || (frame_end_ != 0 && at_ != frame_end_)) {
      return fail(ErrorCode::kMalformed, "bytes after the end of the pickle");
    }
    if (stack_.size() != 1 || !marks_.empty()) {
      return fail(ErrorCode::kMalformed, "the pickle does not leave exactly one value");
    }
    pickle_.root_ = stack_.back();
    return std::move(pickle_);
  }

 private:
  Error fail(ErrorCode code, std::string_view reason) const {
    return Error{code, fmt::format("{}: pickle at byte {}", place_, op_at_), std::string(reason)};
  }
  Error malformed(std::string_view reason) const { return fail(ErrorCode::kMalformed, reason); }

  template <class T>
  Result<T> read() {
    if (bytes_.size() - at_ < sizeof(T)) return malformed("cut short");
    const T value = load_at<T>(bytes_, at_);
    at_ += sizeof(T);
    return value;
  }

  // A newline-terminated name of GLOBAL.
  Result<std::string_view> line() {
    const auto rest = bytes_.subspan(at_);
    const auto end = std::find(rest.begin(), rest.end(), std::uint8_t{'\n'});
    if (end == rest.end()) return malformed("cut short");
    const std::size_t length = static_cast<std::size_t>(end - rest.begin());
    at_ += length + 1;
    return std::string_view(reinterpret_cast<const char*>(rest.data()), length);
  }

  void push_node(Kind kind, std::uint64_t payload, std::uint32_t length = 0, bool wide = false) {
    stack_.push_back(static_cast<Id>(pickle_.nodes_.size()));
    pickle_.nodes_.push_back({kind, wide, length, payload});
  }

  void push_int(std::int64_t value) { push_node(Kind::kInt, static_cast<std::uint64_t>(value)); }

  Status push_slice(Kind kind, std::uint64_t length, bool wide = false) {
    if (length > bytes_.size() - at_) return malformed("a length past the end of the pickle");
    push_node(kind, at_, static_cast<std::uint32_t>(length), wide);
    at_ += length;
    if (kind == Kind::kText && !is_valid_utf8(pickle_.text(stack_.back())))
      return malformed("a text is not UTF-8");
    return {};
  }

  Status push_parent(Kind kind, std::vector<Id> children) {
    if (pickle_.children_.size() == rules_.max_parents) {
      return fail(ErrorCode::kTooLarge, "more tuples, lists and dicts than such a file has");
    }
    pickle_.children_.push_back(std::move(children));
    push_node(kind, pickle_.children_.size() - 1);
    return {};
  }

  // The stack above the last mark, or all of it.
  [[nodiscard]] std::size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  Status need(std::size_t count) const {
    if (available() < count) return malformed("an opcode finds too few values on the stack");
    return {};
  }

  std::vector<Id> pop(std::size_t count) {
    std::vector<Id> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }

  Result<std::vector<Id>> pop_to_mark() {
    if (marks_.empty()) return malformed("an opcode finds no mark");
    std::vector<Id> items = pop(available());
    marks_.pop_back();
    return items;
  }

  Status push_tuple(std::size_t count) {
    ASSAY_TRY(need(count));
    return push_parent(Kind::kTuple, pop(count));
  }

  // The list or dict below the popped items takes them.
  Status extend(Kind kind, std::span<const Id> items) {
    ASSAY_TRY(need(1));
    const Pickle::Node& node = pickle_.nodes_[stack_.back()];
    if (node.kind != kind)
      return malformed(kind == Kind::kList ? "appends to no list" : "sets items of no dict");
    if (kind == Kind::kDict && items.size() % 2 != 0) return malformed("a key without a value");
    auto& children = pickle_.children_[node.payload];
    children.insert(children.end(), items.begin(), items.end());
    return {};
  }

  Status memoize(std::uint64_t index) {
    ASSAY_TRY(need(1));
    if (index != memo_.size()) return malformed("memo indices are not 0, 1, 2, ..");
    memo_.push_back(stack_.back());
    return {};
  }

  Status recall(std::uint64_t index) {
    if (index >= memo_.size()) return malformed("an index that the memo does not have");
    stack_.push_back(memo_[index]);
    return {};
  }

  Status push_name(std::string_view module, std::string_view name) {
    for (std::size_t i = 0; i < rules_.names.size(); ++i) {
      if (rules_.names[i].module == module && rules_.names[i].name == name)
        return push_node(Kind::kName, i), Status();
    }
    const bool printable =
        std::all_of(module.begin(), module.end(), [](char c) { return c > ' ' && c <= '~'; }) &&
        std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
    return fail(ErrorCode::kUnsupported,
                printable ? fmt::format("names {}.{}, which is not on the list of what is read",
                                        module.substr(0, 80), name.substr(0, 80))
                          : "names something that is not on the list of what is read");
  }

  Status stack_name() {
    ASSAY_TRY(need(2));
    const std::vector<Id> items = pop(2);
    if (pickle_.kind(items[0]) != Kind::kText || pickle_.kind(items[1]) != Kind::kText) {
      return malformed("a global name that is not text");
    }
    return push_name(pickle_.text(items[0]), pickle_.text(items[1]));
  }

  [[nodiscard]] bool is_ordered_dict(Id name_id) const {
    const PickleName& name = rules_.names[pickle_.name_index(name_id)];
    return name.module == "collections" && name.name == "OrderedDict";
  }

  Status call() {
    ASSAY_TRY(need(2));
    std::vector<Id> items = pop(2);
    if (pickle_.kind(items[0]) != Kind::kName || pickle_.kind(items[1]) != Kind::kTuple) {
      return malformed("calls something that is not a name, or with something that is not a tuple");
    }
    if (is_ordered_dict(items[0])) {
      if (!pickle_.children(items[1]).empty()) return malformed("an OrderedDict with arguments");
      return push_parent(Kind::kDict, {});
    }
    return push_parent(Kind::kCall, std::move(items));
  }

  // The state of a call's result; of an OrderedDict (torch gives a state dict its _metadata) it is dropped.
  Status build() {
    ASSAY_TRY(need(2));
    const Id state = pop(1)[0];
    const Pickle::Node& node = pickle_.nodes_[stack_.back()];
    if (node.kind == Kind::kDict) return {};
    if (node.kind != Kind::kCall) return malformed("sets the state of what has none");
    auto& children = pickle_.children_[node.payload];
    if (children.size() != 2) return malformed("sets a state twice");
    children.push_back(state);
    return {};
  }

  Status begin_frame() {
    const std::uint64_t length = ASSAY_TRY(read<std::uint64_t>());
    if (frame_end_ != 0) return malformed("a frame within a frame");
    if (length == 0 || length > bytes_.size() - at_) return malformed("a frame past the end of the pickle");
    frame_end_ = at_ + length;
    return {};
  }

  Status mark() {
    if (marks_.size() == kMaxMarks) return fail(ErrorCode::kTooLarge, "over 1,000 open marks");
    marks_.push_back(stack_.size());
    return {};
  }

  Status persistent() {
    if (!rules_.persistent_ids) return fail(ErrorCode::kUnsupported, "a persistent id is not read here");
    ASSAY_TRY(need(1));
    return push_parent(Kind::kPersistent, pop(1));
  }

  // BINFLOAT is big-endian, unlike everything else.
  Status real() {
    return push_node(Kind::kFloat, __builtin_bswap64(ASSAY_TRY(read<std::uint64_t>()))), Status();
  }

  Status step(std::uint8_t op) {
    if (op >= 0x8c && protocol_ < 4) return fail(ErrorCode::kUnsupported, "an opcode of protocol 4 or later");
    if ((op == 'B' || op == 'C') && protocol_ < 3)
      return fail(ErrorCode::kUnsupported, "an opcode of protocol 3");
    switch (op) {
      case '(':
        return mark();
      case 'N':
        return push_node(Kind::kNone, 0), Status();
      case 0x88:
        return push_node(Kind::kBool, 1), Status();
      case 0x89:
        return push_node(Kind::kBool, 0), Status();
      case 'K':
        return push_int(ASSAY_TRY(read<std::uint8_t>())), Status();
      case 'M':
        return push_int(ASSAY_TRY(read<std::uint16_t>())), Status();
      case 'J':
        return push_int(ASSAY_TRY(read<std::int32_t>())), Status();
      case 0x8a:
        return push_slice(Kind::kInt, ASSAY_TRY(read<std::uint8_t>()), true);
      case 0x8b:
        return push_slice(Kind::kInt, ASSAY_TRY(read<std::uint32_t>()), true);
      case 'G':
        return real();
      case 'X':
        return push_slice(Kind::kText, ASSAY_TRY(read<std::uint32_t>()));
      case 0x8c:
        return push_slice(Kind::kText, ASSAY_TRY(read<std::uint8_t>()));
      case 'B':
        return push_slice(Kind::kBytes, ASSAY_TRY(read<std::uint32_t>()));
      case 'C':
        return push_slice(Kind::kBytes, ASSAY_TRY(read<std::uint8_t>()));
      case ')':
        return push_parent(Kind::kTuple, {});
      case 0x85:
        return push_tuple(1);
      case 0x86:
        return push_tuple(2);
      case 0x87:
        return push_tuple(3);
      case 't':
        return push_parent(Kind::kTuple, ASSAY_TRY(pop_to_mark()));
      case ']':
        return push_parent(Kind::kList, {});
      case 'a':
        ASSAY_TRY(need(2));
        return extend(Kind::kList, pop(1));
      case 'e':
        return extend(Kind::kList, ASSAY_TRY(pop_to_mark()));
      case '}':
        return push_parent(Kind::kDict, {});
      case 's':
        ASSAY_TRY(need(3));
        return extend(Kind::kDict, pop(2));
      case 'u':
        return extend(Kind::kDict, ASSAY_TRY(pop_to_mark()));
      case 'q':
        return memoize(ASSAY_TRY(read<std::uint8_t>()));
      case 'r':
        return memoize(ASSAY_TRY(read<std::uint32_t>()));
      case 0x94:
        return memoize(memo_.size());
      case 'h':
        return recall(ASSAY_TRY(read<std::uint8_t>()));
      case 'j':
        return recall(ASSAY_TRY(read<std::uint32_t>()));
      case 'c': {
        const std::string_view module = ASSAY_TRY(line());
        return push_name(module, ASSAY_TRY(line()));
      }
      case 0x93:
        return stack_name();
      case 'R':
        return call();
      case 'b':
        return build();
      case 'Q':
        return persistent();
      case 0x95:
        return begin_frame();
      default:
        break;
    }
    return fail(ErrorCode::kUnsupported,
                fmt::format("opcode 0x{:02x} is not on the list of what is read", op));
  }

  ByteSpan bytes_;
  const PickleRules& rules_;
  std::string_view place_;
  std::size_t at_ = 0;
  std::size_t op_at_ = 0;
  std::size_t frame_end_ = 0;
  unsigned protocol_ = 0;
  Pickle pickle_;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;
  std::vector<Id> memo_;
};

Result<Pickle> Pickle::parse(ByteSpan bytes, const PickleRules& rules, std::string_view place) {
  return PickleMachine(bytes, rules, place).run();
}

}  // namespace assay::tensor
