#include "tensor/object_array.h"

#include <array>

#include "base/check.h"
#include "base/try.h"
#include "tensor/load.h"
#include "tensor/pickle.h"

namespace assay::tensor {
namespace {

constexpr std::uint64_t kMaxObjects = std::uint64_t{1} << 26;

enum Name : std::size_t { kReconstruct, kReconstructNumpy2, kNdarray, kDtype };
constexpr std::array<PickleName, 4> kNames = {{
    {"numpy.core.multiarray", "_reconstruct"},
    {"numpy._core.multiarray", "_reconstruct"},
    {"numpy", "ndarray"},
    {"numpy", "dtype"},
}};

// ndarray.__reduce__: _reconstruct(ndarray, (0,), b'b'), then __setstate__((1, shape, dtype, False, list)).
class ObjectArray {
 public:
  using Id = Pickle::Id;
  using Kind = Pickle::Kind;

  ObjectArray(const Pickle& pickle, std::span<const std::uint64_t> shape) : pickle_(pickle), shape_(shape) {}

  // The list of values, when the tree is of that form.
  [[nodiscard]] std::optional<Id> values() const {
    const auto call = items(pickle_.root(), Kind::kCall, 3);
    if (call.empty()) return std::nullopt;
    if (!is_name(call[0], kReconstruct) && !is_name(call[0], kReconstructNumpy2)) return std::nullopt;
    const auto arguments = items(call[1], Kind::kTuple, 3);
    if (arguments.empty() || !is_name(arguments[0], kNdarray)) return std::nullopt;
    const auto empty_shape = items(arguments[1], Kind::kTuple, 1);
    if (empty_shape.empty() || !pickle_.is_int(empty_shape[0], 0)) return std::nullopt;
    if (pickle_.kind(arguments[2]) != Kind::kBytes ||
        !std::ranges::equal(pickle_.raw(arguments[2]), std::array{'b'})) {
      return std::nullopt;
    }
    const auto state = items(call[2], Kind::kTuple, 5);
    if (state.empty() || !pickle_.is_int(state[0], 1) || !is_shape(state[1]) || !is_object_dtype(state[2])) {
      return std::nullopt;
    }
    if (pickle_.kind(state[3]) != Kind::kBool || pickle_.boolean(state[3])) return std::nullopt;
    if (pickle_.kind(state[4]) != Kind::kList) return std::nullopt;
    return state[4];
  }

 private:
  // The children of a node of the kind, when there are `count` of them.
  [[nodiscard]] std::span<const Id> items(Id id, Kind kind, std::size_t count) const {
    if (pickle_.kind(id) != kind || pickle_.children(id).size() != count) return {};
    return pickle_.children(id);
  }

  [[nodiscard]] bool is_name(Id id, std::size_t name) const {
    return pickle_.kind(id) == Kind::kName && pickle_.name_index(id) == name;
  }

  [[nodiscard]] bool is_shape(Id id) const {
    if (pickle_.kind(id) != Kind::kTuple || pickle_.children(id).size() != shape_.size()) return false;
    return std::ranges::equal(pickle_.children(id), shape_, [&](Id size, std::uint64_t expected) {
      return pickle_.is_int(size, static_cast<std::int64_t>(expected));
    });
  }

  // dtype('O8', False, True) with the state (3, '|', None, None, None, -1, -1, 63): eight-byte references, no
  // fields.
  [[nodiscard]] bool is_object_dtype(Id id) const {
    const auto call = items(id, Kind::kCall, 3);
    if (call.empty() || !is_name(call[0], kDtype)) return false;
    const auto arguments = items(call[1], Kind::kTuple, 3);
    return !arguments.empty() && pickle_.is_text(arguments[0], "O8") && is_dtype_state(call[2]);
  }

  [[nodiscard]] bool is_dtype_state(Id id) const {
    const auto state = items(id, Kind::kTuple, 8);
    if (state.empty() || !pickle_.is_int(state[0], 3) || !pickle_.is_text(state[1], "|")) return false;
    for (std::size_t i = 2; i < 5; ++i) {
      if (pickle_.kind(state[i]) != Kind::kNone) return false;
    }
    return pickle_.is_int(state[5], -1) && pickle_.is_int(state[6], -1) && pickle_.is_int(state[7], 63);
  }

  const Pickle& pickle_;
  std::span<const std::uint64_t> shape_;
};

// Minimal pickle opcodes, as CPython writes them.
void append_int(Bytes& out, std::int64_t value) {
  if (value >= 0 && value <= 0xff) {
    out.push_back('K');
    append(out, static_cast<std::uint8_t>(value));
  } else if (value >= 0 && value <= 0xffff) {
    out.push_back('M');
    append(out, static_cast<std::uint16_t>(value));
  } else {
    out.push_back('J');
    append(out, static_cast<std::int32_t>(value));
  }
}

// LONG1: two's complement, as few bytes as carry the sign.
void append_long(Bytes& out, const Scalar& value) {
  const bool negative = value.is_negative();
  std::array<std::uint8_t, 33> bytes{};
  const auto magnitude = value.magnitude().to_bytes();
  std::copy(magnitude.begin(), magnitude.end(), bytes.begin());
  if (negative) {
    unsigned carry = 1;
    for (std::uint8_t& byte : bytes) {
      const unsigned sum = static_cast<std::uint8_t>(~byte) + carry;
      byte = static_cast<std::uint8_t>(sum);
      carry = sum >> 8;
    }
  }
  const std::uint8_t fill = negative ? 0xff : 0;
  std::size_t length = bytes.size();
  while (length > 1 && bytes[length - 1] == fill && (bytes[length - 2] >= 0x80) == negative) --length;
  out.push_back(0x8a);
  out.push_back(static_cast<std::uint8_t>(length));
  out.insert(out.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
}

void append_value(Bytes& out, const Scalar& value) {
  const Scalar magnitude = value.magnitude();
  if (magnitude.bit_width() > 31) return append_long(out, value);
  const auto small = static_cast<std::int64_t>(magnitude.words[0]);
  append_int(out, value.is_negative() ? -small : small);
}

void append_text(Bytes& out, std::string_view text) {
  out.push_back(0x8c);
  out.push_back(static_cast<std::uint8_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
}

void append_name(Bytes& out, const PickleName& name) {
  append_text(out, name.module);
  append_text(out, name.name);
  out.push_back(0x93);
}

void append_raw(Bytes& out, std::string_view bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

Result<IntegerArray> parse_object_array(ByteSpan pickle_bytes, std::span<const std::uint64_t> shape,
                                        const std::string& place) {
  const std::uint64_t count = ASSAY_TRY(element_count(shape, place));
  if (count > kMaxObjects) return Error{ErrorCode::kTooLarge, place, "over 2^26 Python integers"};
  PickleRules rules;
  rules.names = kNames;
  rules.max_parents = 32;
  const Pickle pickle = ASSAY_TRY(Pickle::parse(pickle_bytes, rules, place));
  const auto list = ObjectArray(pickle, shape).values();
  if (!list) {
    return Error{ErrorCode::kMalformed, place,
                 "the pickle is not that of an array of objects of the header's shape"};
  }
  const std::span<const Pickle::Id> ids = pickle.children(*list);
  if (ids.size() != count) {
    return Error{ErrorCode::kMismatch, place,
                 fmt::format("{} values where the shape asks for {}", ids.size(), count)};
  }
  std::vector<std::int64_t> small(count);
  bool all_fit = true;
  for (std::size_t i = 0; i < count; ++i) {
    if (pickle.kind(ids[i]) != Pickle::Kind::kInt) {
      return Error{ErrorCode::kUnsupported, fmt::format("{}: value {}", place, i), "not a Python int"};
    }
    all_fit = all_fit && pickle.int64(ids[i], small[i]);
  }
  if (all_fit) return IntegerArray::own(std::move(small));
  std::vector<Scalar> large(count);
  for (std::size_t i = 0; i < count; ++i) {
    large[i] = ASSAY_TRY(pickle.scalar(ids[i], fmt::format("{}: value {}", place, i)));
  }
  return IntegerArray::own(std::move(large));
}

Status write_object_array(const IntegerView& values, std::span<const std::uint64_t> shape,
                          const std::function<Status(ByteSpan)>& write) {
  // Without frames and memo: both are optional, and numpy's reader needs neither.
  Bytes out = {0x80, 4};
  append_name(out, kNames[kReconstruct]);
  append_name(out, kNames[kNdarray]);
  append_raw(out, {"K\0\x85"
                   "C\x01"
                   "b\x87R(K\x01",
                   11});
  out.push_back('(');
  for (const std::uint64_t size : shape) append_value(out, Scalar::from_u64(size));
  out.push_back('t');
  append_name(out, kNames[kDtype]);
  append_text(out, "O8");
  append_raw(out, "\x89\x88\x87R(K\x03");
  append_text(out, "|");
  append_raw(out, "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](");
  constexpr std::size_t kPiece = 1 << 16;
  for (std::size_t i = 0; i < values.size(); ++i) {
    append_value(out, values[i]);
    if (out.size() >= kPiece) {
      ASSAY_TRY(write(ByteSpan(out)));
      out.clear();
    }
    // Batches, as CPython writes them: a reader's stack stays small.
    if (i % 1000 == 999) append_raw(out, "e(");
  }
  append_raw(out, "etb.");
  return write(ByteSpan(out));
}

}  // namespace assay::tensor
