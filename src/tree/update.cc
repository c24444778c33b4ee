// Changes of a tree: leaves replaced, and leaves added.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/try.h"
#include "tree/leaves.h"
#include "tree/record_stream.h"
#include "tree/shape.h"
#include "tree/tree_state.h"
#include "tree/value_bytes.h"

namespace assay::tree {
namespace {

using internal::Made;
using internal::Nodes;
using internal::Opened;
using internal::Patch;
using internal::Records;

std::ptrdiff_t at(std::size_t offset) { return static_cast<std::ptrdiff_t>(offset); }

/// New values of children, and the records that change with them, from the leaves up.
class Update {
 public:
  explicit Update(const Tree::State& tree) : tree_(tree), records_(tree.records()) {}

  /// Errors: kMalformed (a record was damaged).
  Status make(std::span<const std::uint64_t> indices, ByteSpan values) {
    const std::vector<Opened> way =
        internal::way_to(records_.fan_out(), records_.depth(tree_.root.count), indices);
    ASSAY_TRY(read(way));
    Bytes children(values.begin(), values.end());
    for (std::size_t last = way.size(); last > 0;) {
      std::size_t first = last;
      while (first > 0 && way[first - 1].height == way[last - 1].height) --first;
      const std::vector<Made> made = renew(way, first, last, children);
      children.clear();
      for (const Made& each : made) children.insert(children.end(), each.value.begin(), each.value.end());
      top_ = made.front();
      last = first;
    }
    return {};
  }

  [[nodiscard]] const Made& top() const { return top_; }
  [[nodiscard]] std::vector<Patch> take_patches() { return std::move(patches_); }

 private:
  [[nodiscard]] bool has_points() const { return records_.commitment_bytes() > 0; }

  /// The records as they are, and their commitments.
  Status read(std::span<const Opened> way) {
    Bytes encoded;
    for (const Opened& node : way) {
      const ByteSpan content = ASSAY_TRY(tree_.content(node.height, node.position));
      before_.push_back(content);
      if (has_points()) encoded.insert(encoded.end(), content.end() - 32, content.end());
    }
    if (!has_points()) return {};
    commitments_.resize(way.size());
    if (curve::decode_all_g1(encoded, commitments_) == way.size()) return {};
    return Error{ErrorCode::kMalformed, tree_.store.place(),
                 "a commitment is no point: build the tree again"};
  }

  /// The records [first, last), of one height, with new values of their opened children.
  std::vector<Made> renew(std::span<const Opened> way, std::size_t first, std::size_t last,
                          ByteSpan children) {
    const unsigned height = way[first].height;
    const std::size_t size = records_.value_bytes(height);
    std::vector<Bytes> values;
    std::vector<Nodes::Change> changes;
    for (std::size_t k = first, next = 0; k < last; ++k) {
      const ByteSpan old = before_[k].first(records_.values_bytes(height));
      values.emplace_back(old.begin(), old.end());
      for (const std::uint32_t child : way[k].children) {
        const ByteSpan value = children.subspan(size * next++, size);
        if (has_points()) {
          const Fr difference = tree_.nodes.elements(height, value).front() -
                                tree_.nodes.elements(height, old.subspan(size * child, size)).front();
          changes.push_back({k - first, child, difference});
        }
        std::ranges::copy(value, values.back().begin() + at(size * child));
      }
    }
    std::vector<Made> made(last - first);
    if (has_points()) {
      tree_.nodes.change(height, changes, std::span(commitments_).subspan(first, last - first), made);
    } else {
      for (std::size_t k = first; k < last; ++k) {
        const std::uint64_t columns = way[k].position < records_.whole(height, tree_.root.count)
                                          ? records_.fan_out()
                                          : records_.open_children(height, tree_.root.count);
        tree_.nodes.make(height, {values[k - first].data(), 0, columns}, {&made[k - first], 1});
      }
    }
    for (std::size_t k = first; k < last; ++k) {
      Patch patch{records_.offset(height, way[k].position, tree_.root.count),
                  Bytes(records_.record_bytes(height))};
      internal::write_record(records_, height, way[k].position, values[k - first], made[k - first],
                             patch.bytes);
      patches_.push_back(std::move(patch));
    }
    return made;
  }

  const Tree::State& tree_;
  const Records& records_;
  std::vector<ByteSpan> before_;
  std::vector<G1Affine> commitments_;
  std::vector<Patch> patches_;
  Made top_;
};

Error bad_leaves(const Leaves& leaves, LeafKind kind, std::string fault) {
  return {leaves.kind() == kind ? ErrorCode::kOutOfRange : ErrorCode::kMismatch, "leaves", std::move(fault)};
}

/// Lets a stream go on behind a tree: at each height with the whole children of the record that is not whole.
/// Errors: kMalformed (a record was damaged).
Status resume(const Tree::State& tree, internal::RecordStream& stream) {
  const Records& records = tree.records();
  const std::uint64_t count = tree.root.count;
  const unsigned depth = records.depth(count);
  std::vector<Bytes> open(depth);
  for (unsigned height = 1; height <= depth; ++height) {
    const std::uint64_t position = records.whole(height, count);
    if (records.nodes(height, count) == position) continue;
    const ByteSpan content = ASSAY_TRY(tree.content(height, position));
    const std::uint64_t children = records.whole(height - 1, count) - position * records.fan_out();
    const ByteSpan values = content.first(children * records.value_bytes(height));
    open[height - 1].assign(values.begin(), values.end());
  }
  if (records.whole(depth, count) == 1) {
    // The root becomes the first child of another one. Its value was nobody's child yet.
    const ByteSpan content = ASSAY_TRY(tree.content(depth, 0));
    Made made;
    tree.nodes.make(depth, {content.data(), content.size(), records.fan_out()}, {&made, 1});
    open.emplace_back(made.value.begin(), made.value.end());
  }
  stream.resume(count, std::move(open));
  return {};
}

}  // namespace

Status Tree::update(std::span<const std::uint64_t> indices, const Leaves& leaves) {
  State& state = *state_;
  ASSAY_TRY(state.need_setup());
  if (std::string fault = internal::fault_of_indices(indices, size()); !fault.empty())
    return Error{ErrorCode::kOutOfRange, "indices", std::move(fault)};
  if (leaves.size() != indices.size())
    return Error{ErrorCode::kMismatch, "leaves",
                 fmt::format("{} for {} indices", leaves.size(), indices.size())};
  if (std::string fault = internal::fault_of_leaves(leaves, state.root.config.leaf); !fault.empty())
    return bad_leaves(leaves, state.root.config.leaf, std::move(fault));
  const internal::ValueBytes values(state.root.config, state.nodes.digests(), leaves);
  Update update(state);
  ASSAY_TRY(update.make(indices, values.bytes()));
  Root root = state.root;
  root.value = state.nodes.root_of(update.top(), root.count);
  ASSAY_TRY(state.store.begin());
  ASSAY_TRY(state.store.commit(root, update.take_patches()));
  state.root = std::move(root);
  return {};
}

Status Tree::append(const Leaves& leaves) {
  State& state = *state_;
  ASSAY_TRY(state.need_setup());
  if (std::string fault = internal::fault_of_leaves(leaves, state.root.config.leaf); !fault.empty())
    return bad_leaves(leaves, state.root.config.leaf, std::move(fault));
  if (leaves.size() > kMaxLeaves - size())
    return Error{ErrorCode::kTooLarge, "leaves", fmt::format("over {}", kMaxLeaves)};
  if (leaves.size() == 0) return {};
  const internal::ValueBytes values(state.root.config, state.nodes.digests(), leaves);
  internal::RecordStream stream(state.nodes);
  ASSAY_TRY(resume(state, stream));
  ASSAY_TRY(state.store.begin());

  // What takes the place of old records waits until the rest is written.
  const std::uint64_t begin = state.records().end_of_whole(size()), end = state.records().end(size());
  Patch patch{begin, {}};
  const auto sink = [&](ByteSpan bytes) -> Status {
    const std::size_t replaced = std::min<std::uint64_t>(bytes.size(), end - begin - patch.bytes.size());
    patch.bytes.insert(patch.bytes.end(), bytes.begin(), bytes.begin() + at(replaced));
    return state.store.write_behind(bytes.subspan(replaced));
  };
  const auto write = [&]() -> Result<Root> {
    ASSAY_TRY(stream.add(values.bytes(), sink));
    Root root{state.root.config, stream.count(), {}};
    root.value = ASSAY_TRY(stream.finish(sink));
    return root;
  };
  Result<Root> root = write();
  if (!root.ok()) {
    state.store.abandon();
    return root.error();
  }
  std::vector<Patch> patches;
  patches.push_back(std::move(patch));
  ASSAY_TRY(state.store.commit(*root, std::move(patches)));
  state.root = *root;
  return {};
}

}  // namespace assay::tree
