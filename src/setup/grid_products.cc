#include "setup/grid_products.h"

#include "base/threads.h"
#include "base/wipe.h"

namespace assay::setup::internal {

GridProducts::GridProducts(const Axes& axes, const std::vector<std::vector<Fr>>& factors, std::size_t level)
    : axes_(axes), factors_(factors), level_(level), table_axis_(axes.count() - 1) {
  while (table_axis_ > level && axes.volume(table_axis_ - 1) <= kTableSize) --table_axis_;
  table_ = factors.back();
  for (std::size_t axis = axes.count() - 1; axis-- > table_axis_;) {
    std::vector<Fr> longer;
    longer.reserve(table_.size() * axes[axis]);
    for (const Fr& factor : factors[axis])
      for (const Fr& entry : table_) longer.push_back(factor * entry);
    wipe(std::span(table_));
    table_ = std::move(longer);
  }
}

GridProducts::~GridProducts() { wipe(std::span(table_)); }

void GridProducts::fill(std::uint64_t first, std::span<Fr> out) const {
  parallel_for(0, out.size(), 1024, [&](std::size_t begin, std::size_t end) {
    std::uint64_t head = (first + begin) / table_.size();
    Fr product = head_product(head);
    for (std::size_t k = begin; k < end; ++k) {
      const std::uint64_t index = first + k;
      if (index / table_.size() != head) product = head_product(head = index / table_.size());
      out[k] = product * table_[index % table_.size()];
    }
  });
}

Fr GridProducts::head_product(std::uint64_t head) const {
  Fr product = Fr::one();
  for (std::size_t axis = table_axis_; axis-- > level_;) {
    product *= factors_[axis][head % axes_[axis]];
    head /= axes_[axis];
  }
  return product;
}

}  // namespace assay::setup::internal
