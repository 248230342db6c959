"""Pictures of states, of their fluctuation modes, and of scans."""

from .modes import draw_levels as draw_levels
from .modes import draw_thresholds as draw_thresholds
from .modes import plot_modes as plot_modes
from .modes import signed_mass as signed_mass
from .pretraining import plot_training as plot_training
from .state import MAX_LISTED_FIELDS as MAX_LISTED_FIELDS
from .state import certificate_words as certificate_words
from .state import draw_profiles as draw_profiles
from .state import named_fields as named_fields
from .state import plot_state as plot_state
from .study import KIND_MARKERS as KIND_MARKERS
from .study import MAX_POINTS as MAX_POINTS
from .study import logarithmic as logarithmic
from .study import plot_projections as plot_projections
from .study import plot_study as plot_study
from .study import thin as thin
from .study import wants_log as wants_log
from .theme import PALETTES as PALETTES
from .theme import THEMES as THEMES
from .theme import axis_label as axis_label
from .theme import field_label as field_label
from .theme import field_unit as field_unit
from .theme import inline_figure as inline_figure
from .theme import palette_of as palette_of
from .theme import save_figure as save_figure
from .theme import theme as theme
