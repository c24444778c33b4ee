// The order in which the modules of a block are registered, by their names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace assay::weights {

/// The names of a family's layers in the order of their registration, which has all of `names`; empty where
/// none is known.
[[nodiscard]] std::span<const std::string_view> registered_order(std::span<const std::string> names);

/// Whether the layers of such a model that are not convolutions are stored transposed.
[[nodiscard]] bool is_stored_transposed(std::string_view model_type);

/// Less in the order of names: part by part between the dots, numbers by their value and before words.
[[nodiscard]] bool is_name_less(std::string_view a, std::string_view b);

}  // namespace assay::weights
