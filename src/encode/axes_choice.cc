// Which axes hold a count of values: least-padding cubes, and factors of a hidden width.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "assay/encode.h"
#include "base/try.h"
#include "encode/cube_options.h"

namespace assay::encode {
namespace {

constexpr std::uint32_t kMinFactor = 2;
constexpr std::uint32_t kMaxFactor = 16;
constexpr std::uint64_t kMaxWidth = std::uint64_t{1} << 32;

struct Cube {
  std::uint64_t volume = 0;  // 0: none
  std::uint32_t size = 0;
  std::uint32_t dims = 0;
};

// The least d^k >= count within the caps; volume 0 where there is none.
Cube smallest_cube(std::uint64_t count, std::uint32_t size, std::optional<std::uint32_t> dims) {
  Cube cube{1, size, 0};
  while (dims ? cube.dims < *dims : cube.dims == 0 || cube.volume < count) {
    if (cube.dims == Axes::kMaxCount || cube.volume > Axes::kMaxVolume / size) return {};
    cube.volume *= size;
    ++cube.dims;
  }
  return cube.volume < count ? Cube{} : cube;
}

bool is_product_of_factors(std::uint64_t product) {
  for (const std::uint64_t prime : {2, 3, 5, 7, 11, 13}) {
    while (product % prime == 0) product /= prime;
  }
  return product == 1;
}

std::uint64_t sum_of_squares(const std::vector<std::uint32_t>& factors) {
  std::uint64_t sum = 0;
  for (const std::uint64_t factor : factors) sum += factor * factor;
  return sum;
}

// All ways to write `rest` as a product of at most `more` factors, none over `largest`, in falling order.
void search_factors(std::uint64_t rest, std::uint32_t largest, std::vector<std::uint32_t>& current,
                    std::vector<std::uint32_t>& best) {
  if (rest == 1) {
    const bool better = best.empty() || current.size() < best.size() ||
                        (current.size() == best.size() && sum_of_squares(current) < sum_of_squares(best));
    if (better) best = current;
    return;
  }
  if (!best.empty() && current.size() >= best.size()) return;
  for (std::uint32_t factor = largest; factor >= kMinFactor; --factor) {
    if (rest % factor != 0) continue;
    current.push_back(factor);
    search_factors(rest / factor, factor, current, best);
    current.pop_back();
  }
}

}  // namespace

Status check_cube_options(const CubeOptions& options) {
  const auto out_of_range = [](std::string_view option, std::string reason) {
    return Error{ErrorCode::kOutOfRange, std::string(option), std::move(reason)};
  };
  if (options.min_dim < 2 || options.min_dim > options.max_dim)
    return out_of_range("min_dim", fmt::format("{} is not 2 at least, and at most the largest size, {}",
                                               options.min_dim, options.max_dim));
  if (options.max_dim > Axes::kMaxSize) return out_of_range("max_dim", "must be at most 2^20");
  if (options.num_dims && (*options.num_dims == 0 || *options.num_dims > Axes::kMaxCount))
    return out_of_range("num_dims", "must be 1 to 32");
  return {};
}

Result<Axes> choose_cube(std::uint64_t count, const CubeOptions& options) {
  const std::string place = "cube";
  if (count == 0 || count > Axes::kMaxVolume) {
    return Error{ErrorCode::kOutOfRange, place, "holds 1 to 2^32 values"};
  }
  ASSAY_TRY(check_cube_options(options));
  Cube best;
  for (std::uint32_t size = options.min_dim; size <= options.max_dim; ++size) {
    const Cube cube = smallest_cube(count, size, options.num_dims);
    if (cube.volume != 0 && (best.volume == 0 || cube.volume < best.volume)) best = cube;
  }
  if (best.volume == 0) {
    return Error{
        ErrorCode::kOutOfRange, place,
        fmt::format("no cube of these sizes holds {} values: allow other sizes or dimensions", count)};
  }
  return Axes::from(std::vector<std::uint64_t>(best.dims, best.size), place);
}

Result<std::vector<std::uint32_t>> choose_width_factors(std::uint64_t width) {
  if (width == 0 || width > kMaxWidth) {
    return Error{ErrorCode::kOutOfRange, "hidden width", "must be 1 to 2^32"};
  }
  std::uint64_t product = width;
  while (!is_product_of_factors(product)) ++product;
  std::vector<std::uint32_t> current;
  std::vector<std::uint32_t> best;
  search_factors(product, kMaxFactor, current, best);
  return best;
}

}  // namespace assay::encode
